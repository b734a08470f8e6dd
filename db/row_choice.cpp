#include "db/row_choice.h"

#include <map>

#include "core/key.h"

namespace deepgemm::db {
namespace {

bool is_better(const WinnerRow& a, const WinnerRow& b) {
  if (a.winner.measured != b.winner.measured) return a.winner.measured;
  if (a.winner.rows.empty() != b.winner.rows.empty()) return a.winner.rows.empty();
  return a.id > b.id;
}

bool is_of_family(const WinnerRow& row, const core::GemmProblem& problem) {
  const std::string& device = row.environment.device_id;
  return core::family_key(row.winner.problem, device) == core::family_key(problem, device);
}

Family collect(std::span<const WinnerRow> winners, const core::GemmProblem& problem,
               std::string_view device_id) {
  std::map<std::int64_t, const WinnerRow*> best;
  for (const WinnerRow& row : winners) {
    if (row.environment.device_id != device_id || !is_of_family(row, problem)) continue;
    const WinnerRow*& held = best[row.winner.problem.m];
    if (held == nullptr || is_better(row, *held)) held = &row;
  }
  Family family;
  if (!best.empty()) family.device_id = device_id;
  for (const auto& [m, row] : best) {
    family.tuned.push_back(m);
    family.rows.push_back(row);
  }
  return family;
}

}  // namespace

Family family_for(std::span<const WinnerRow> winners, const core::GemmProblem& problem,
                  std::string_view device_id) {
  Family own = collect(winners, problem, device_id);
  if (!own.rows.empty()) return own;
  const WinnerRow* best = nullptr;
  for (const WinnerRow& row : winners) {
    if (is_of_family(row, problem) && (best == nullptr || is_better(row, *best))) best = &row;
  }
  return best == nullptr ? Family{} : collect(winners, problem, best->environment.device_id);
}

std::vector<const WinnerRow*> best_rows(std::span<const WinnerRow> winners,
                                        std::string_view device_id) {
  std::map<decltype(core::order(core::GemmProblem{})), const WinnerRow*> best;
  for (const WinnerRow& row : winners) {
    if (row.environment.device_id != device_id) continue;
    const WinnerRow*& held = best[core::order(row.winner.problem)];
    if (held == nullptr || is_better(row, *held)) held = &row;
  }
  std::vector<const WinnerRow*> rows;
  for (const auto& [order, row] : best) rows.push_back(row);
  return rows;
}

Clause& say_why_row(Clause& text, std::span<const std::int64_t> tuned, std::size_t index,
                    bool measured, std::int64_t m) {
  const std::int64_t row = tuned[index];
  const std::string_view verb = measured ? "tuned" : "predicted";
  text << "m = " << m;
  if (m == row) return text << " was " << verb;
  if (m > row) return text << " lies above m = " << row << ", the largest that was " << verb;
  return text << " lies in (" << core::row_interval(tuned, index).m_lo - 1 << ", " << row << "], "
              << verb << " at m = " << row;
}

Clause& say_why_none(Clause& text, const core::GemmProblem& problem) {
  text << "nothing was tuned for n = " << problem.n << ", k = " << problem.k;
  if (problem.operation == core::Operation::kDense) return text;
  text << ", " << core::name(problem.operation) << " with groups = " << problem.groups;
  if (problem.alignment > 1) text << ", alignment = " << problem.alignment;
  return text;
}

core::Lookup look_up(const Family& family, const core::GemmProblem& problem,
                     std::string_view device_id) {
  const std::optional<std::size_t> index = core::find_row(family.tuned, problem.m);
  if (!index) {
    Clause text;
    return {
        core::Match::kNone,
        say_why_none(text, problem).str() + "; run deepgemm-tune " + core::command_text(problem),
        std::nullopt};
  }
  const core::Winner& winner = family.rows[*index]->winner;
  Clause text;
  const std::string reason =
      say_why_row(text, family.tuned, *index, winner.measured, problem.m).str();
  if (family.device_id != device_id) {
    return {core::Match::kOtherDevice,
            reason + " on " + family.device_id + ", not on " + std::string(device_id), winner};
  }
  const bool exact = winner.problem.m == problem.m;
  return {exact ? core::Match::kExact : core::Match::kBucket, reason, winner};
}

}  // namespace deepgemm::db
