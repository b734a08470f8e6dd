#include "db/row_choice.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "core/key.h"
#include "core/staleness.h"

namespace deepgemm::db {
namespace {

// Which of two rows of one problem answers on a machine.
class Preference {
 public:
  explicit Preference(const core::Environment& here) : here_(core::as_library_sees(here)) {
    // Whoever compares has sorted rows by device before; rows of another kind are all hints.
    here_.device_id.clear();
  }

  bool is_better(const WinnerRow& a, const WinnerRow& b) const {
    if (a.winner.measured != b.winner.measured) return a.winner.measured;
    if (a.winner.rows.empty() != b.winner.rows.empty()) return a.winner.rows.empty();
    const core::Staleness of_a = core::grade(a.environment, here_).staleness;
    const core::Staleness of_b = core::grade(b.environment, here_).staleness;
    if (of_a != of_b) return of_a < of_b;
    const bool a_searched = core::is_searched(a.winner);
    if (a_searched != core::is_searched(b.winner)) return a_searched;
    const bool a_decided = core::is_decided(a.winner);
    if (a_decided != core::is_decided(b.winner)) return a_decided;
    return a.id > b.id;
  }

 private:
  core::Environment here_;
};

using Rows = std::vector<const WinnerRow*>;

// The best row of each m.
Family family_of(const Rows& rows, const Preference& preference) {
  std::map<std::int64_t, const WinnerRow*> best;
  for (const WinnerRow* row : rows) {
    const WinnerRow*& held = best[row->winner.problem.m];
    if (held == nullptr || preference.is_better(*row, *held)) held = row;
  }
  Family family;
  family.device_id = rows.front()->environment.device_id;
  for (const auto& [m, row] : best) {
    family.tuned.push_back(m);
    family.rows.push_back(row);
  }
  return family;
}

// Of the rows of one n and k: that of this kind of GPU first, then by the best row of each.
std::vector<Family> kinds_of(const Rows& rows, const core::Environment& here) {
  const Preference preference(here);
  const auto better = [&preference](const WinnerRow* a, const WinnerRow* b) {
    return preference.is_better(*a, *b);
  };
  std::map<std::string, Rows> by_device;
  for (const WinnerRow* row : rows) by_device[row->environment.device_id].push_back(row);
  std::vector<std::pair<const WinnerRow*, Family>> kinds;  // with the best row of each
  for (const auto& [device, of_device] : by_device) {
    kinds.emplace_back(*std::ranges::min_element(of_device, better),
                       family_of(of_device, preference));
  }
  std::ranges::sort(kinds, [&](const auto& a, const auto& b) {
    const bool a_is_own = a.second.device_id == here.device_id;
    const bool b_is_own = b.second.device_id == here.device_id;
    return a_is_own != b_is_own ? a_is_own : better(a.first, b.first);
  });
  std::vector<Family> families;
  for (auto& [best, family] : kinds) families.push_back(std::move(family));
  return families;
}

// The best row of each problem, among those that can be launched or among the others.
std::map<decltype(core::order(core::GemmProblem{})), const WinnerRow*> best_by_problem(
    std::span<const WinnerRow> winners, const core::Environment& here, bool launchable) {
  const Preference preference(here);
  std::map<decltype(core::order(core::GemmProblem{})), const WinnerRow*> best;
  for (const WinnerRow& row : winners) {
    if (row.environment.device_id != here.device_id || row.is_launchable != launchable) continue;
    const WinnerRow*& held = best[core::order(row.winner.problem)];
    if (held == nullptr || preference.is_better(row, *held)) held = &row;
  }
  return best;
}

}  // namespace

core::GemmProblem any_m_of(core::GemmProblem problem) {
  problem.m = 1;
  return problem;
}

FamilyTable::FamilyTable(std::span<const WinnerRow> winners, const core::Environment& here) {
  std::map<decltype(core::order(core::GemmProblem{})), Rows> rows;
  for (const WinnerRow& row : winners) {
    if (!row.is_launchable) continue;
    rows[core::order(any_m_of(row.winner.problem))].push_back(&row);
  }
  for (const auto& [order, some] : rows) kinds_.emplace(order, kinds_of(some, here));
}

const Family& FamilyTable::find(const core::GemmProblem& problem) const {
  static const Family kNone;
  const auto found = kinds_.find(core::order(any_m_of(problem)));
  return found == kinds_.end() ? kNone : found->second.front();
}

std::vector<std::span<const Family>> FamilyTable::all() const {
  std::vector<std::span<const Family>> list;
  for (const auto& [order, kinds] : kinds_) list.emplace_back(kinds);
  return list;
}

Family family_for(std::span<const WinnerRow> winners, const core::GemmProblem& problem,
                  const core::Environment& here) {
  const core::GemmProblem any_m = any_m_of(problem);
  Rows rows;
  Family none;
  for (const WinnerRow& row : winners) {
    if (any_m_of(row.winner.problem) != any_m) continue;
    if (row.is_launchable) rows.push_back(&row);
    none.passed_over = true;
  }
  return rows.empty() ? none : std::move(kinds_of(rows, here).front());
}

core::Environment on_kind(const core::Environment& here, const std::string& device_id) {
  return here.device_id == device_id ? here : of_compiler(here, device_id);
}

core::Environment of_compiler(const core::Environment& here, const std::string& device_id) {
  core::Environment there;
  there.device_id = device_id;
  there.nvrtc = here.nvrtc;
  there.library_version = here.library_version;
  there.sources_hash = here.sources_hash;
  return there;
}

std::vector<const WinnerRow*> best_rows(std::span<const WinnerRow> winners,
                                        const core::Environment& here) {
  std::vector<const WinnerRow*> rows;
  for (const auto& [order, row] : best_by_problem(winners, here, true)) rows.push_back(row);
  return rows;
}

std::vector<const WinnerRow*> rows_passed_over(std::span<const WinnerRow> winners,
                                               const core::Environment& here) {
  const auto answering = best_by_problem(winners, here, true);
  std::vector<const WinnerRow*> rows;
  for (const auto& [order, row] : best_by_problem(winners, here, false)) {
    if (!answering.contains(order)) rows.push_back(row);
  }
  return rows;
}

std::vector<core::Trial> newest_trials(std::vector<TrialRow> rows) {
  std::set<std::tuple<core::Contender, std::string, std::string>> seen;
  std::vector<core::Trial> newest;
  for (auto row = rows.rbegin(); row != rows.rend(); ++row) {
    const core::Trial& trial = row->trial;
    // A library has no config of ours; the field then holds whatever the caller left.
    const bool has_config = trial.contender == core::Contender::kCandidate ||
                            trial.contender == core::Contender::kDefault;
    const std::string config = has_config ? core::to_string(trial.config) : "";
    if (seen.emplace(trial.contender, config, trial.policy).second) {
      newest.push_back(std::move(row->trial));
    }
  }
  std::reverse(newest.begin(), newest.end());
  return newest;
}

std::optional<core::Winner> newest_searched(std::vector<WinnerRow> rows) {
  if (rows.empty()) return std::nullopt;
  const auto is_searched = [](const WinnerRow& row) { return core::is_searched(row.winner); };
  const auto found = std::find_if(rows.rbegin(), rows.rend(), is_searched);
  return std::move((found != rows.rend() ? *found : rows.back()).winner);
}

std::vector<core::Winner> newest_by_m_and_rows(std::vector<WinnerRow> rows,
                                               const core::GemmProblem& problem) {
  // The usual draw has the empty name.
  std::map<std::pair<std::int64_t, std::string>, std::vector<WinnerRow>> alike;
  for (WinnerRow& row : rows) {
    core::GemmProblem same = row.winner.problem;
    same.m = problem.m;
    if (same != problem) continue;
    alike[{row.winner.problem.m, row.winner.rows}].push_back(std::move(row));
  }
  std::vector<core::Winner> winners;
  for (auto& [key, same] : alike) winners.push_back(*newest_searched(std::move(same)));
  return winners;
}

Clause& say_why_row(Clause& text, std::span<const std::int64_t> tuned, std::size_t index,
                    Origin origin, std::int64_t m) {
  const std::int64_t row = tuned[index];
  const std::string_view chosen = origin.measured ? "tuned" : "predicted";
  const std::string_view verb = origin.searched ? chosen : "raced";
  text << "m = " << m;
  if (m == row && origin.searched) return text << " was " << verb;
  if (m > row) return text << " lies above m = " << row << ", the largest that was " << verb;
  return text << " lies in (" << core::row_interval(tuned, index).m_lo - 1 << ", " << row << "], "
              << verb << " at m = " << row;
}

Clause& say_why_none(Clause& text, const core::GemmProblem& problem, bool passed_over) {
  text << (passed_over ? "nothing that this version can launch was tuned for n = "
                       : "nothing was tuned for n = ")
       << problem.n << ", k = " << problem.k;
  if (problem.operation == core::Operation::kDense) return text;
  text << ", " << core::name(problem.operation) << " with groups = " << problem.groups;
  if (problem.alignment > 1) text << ", alignment = " << problem.alignment;
  return text;
}

const core::StalenessGrade& grade_of_another_launch() {
  static const core::StalenessGrade grade{
      core::Staleness::kRetune, "another version launches the kernels of the rows that there are"};
  return grade;
}

core::Lookup look_up(const Family& family, const core::GemmProblem& problem,
                     std::string_view device_id) {
  const std::optional<std::size_t> index = core::find_row(family.tuned, problem.m);
  if (!index) {
    Clause text;
    return {core::Match::kNone,
            say_why_none(text, problem, family.passed_over).str() + "; run deepgemm-tune " +
                core::command_text(problem),
            std::nullopt};
  }
  const core::Winner& winner = family.rows[*index]->winner;
  Clause text;
  const Origin origin{winner.measured, core::is_searched(winner)};
  const std::string reason = say_why_row(text, family.tuned, *index, origin, problem.m).str();
  if (family.device_id != device_id) {
    return {core::Match::kOtherDevice,
            reason + " on " + family.device_id + ", not on " + std::string(device_id), winner};
  }
  const bool exact = winner.problem.m == problem.m;
  return {exact ? core::Match::kExact : core::Match::kBucket, reason, winner};
}

}  // namespace deepgemm::db
