#include "db/prune.h"

#include <SQLiteCpp/Transaction.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/group_rows.h"
#include "core/key.h"
#include "db/cubin_rows.h"
#include "db/evidence.h"
#include "db/row_choice.h"

namespace deepgemm::db {
namespace {

int drop(SQLite::Database& database, const std::string& table, const std::set<std::int64_t>& ids) {
  SQLite::Statement statement(database, "DELETE FROM " + table + " WHERE id = ?");
  int dropped = 0;
  for (const std::int64_t id : ids) {
    statement.bind(1, id);
    dropped += statement.exec();
    statement.reset();
  }
  return dropped;
}

// Ids of the winners that answer for a machine like `here`, of each kind of GPU and each draw of
// groups' rows: those of unusual rows answer the tuner alone.
std::set<std::int64_t> answering(const std::vector<WinnerRow>& rows,
                                 const core::Environment& here) {
  std::map<std::pair<std::string, std::string>, std::vector<WinnerRow>> alike;
  for (const WinnerRow& row : rows) {
    alike[{row.environment.device_id, row.winner.rows}].push_back(row);
  }
  std::set<std::int64_t> ids;
  for (const auto& [kind, group] : alike) {
    for (const WinnerRow* row : best_rows(group, on_kind(here, kind.first))) ids.insert(row->id);
  }
  return ids;
}

// All winners, of one problem together.
class Winners {
 public:
  Winners(std::vector<WinnerRow> rows, const core::Environment& here)
      : rows_(std::move(rows)), answering_(answering(rows_, here)) {
    for (const WinnerRow& row : rows_) {
      by_problem_[core::order(row.winner.problem)].push_back(&row);
      by_family_[family_of(row.winner.problem, row.environment)].push_back(&row);
    }
  }

  // Whether one of those that `is_meant` says is a measured one of the same kind of GPU, in an
  // environment that does not agree, and newer than all in environments that do, of which none
  // answers here: a newer one may be staler.
  template <class IsMeant>
  bool supersede(const core::GemmProblem& problem, const core::Environment& environment,
                 IsMeant is_meant) const {
    const auto found = by_problem_.find(core::order(problem));
    if (found == by_problem_.end()) return false;
    std::int64_t own = 0;
    std::int64_t other = 0;
    for (const WinnerRow* row : found->second) {
      if (!is_meant(row->winner) || row->environment.device_id != environment.device_id) continue;
      if (core::agree(row->environment, environment)) {
        if (answering_.contains(row->id)) return false;
        own = std::max(own, row->id);
      } else if (row->winner.measured && core::is_decided(row->winner)) {
        other = std::max(other, row->id);
      }
    }
    return other > own;
  }

  // Whether rows of probes tell of rows that went: their family has winners, and none but those
  // of `gone` in an environment that agrees.
  bool left_behind(const TrialRow& probe, const std::set<std::int64_t>& gone) const {
    const auto found = by_family_.find(family_of(probe.trial.problem, probe.environment));
    if (found == by_family_.end()) return false;
    return std::ranges::none_of(found->second, [&](const WinnerRow* row) {
      return !gone.contains(row->id) && core::agree(row->environment, probe.environment);
    });
  }

 private:
  static std::string family_of(const core::GemmProblem& problem,
                               const core::Environment& environment) {
    return core::family_key(problem, environment.device_id);
  }

  std::vector<WinnerRow> rows_;
  std::set<std::int64_t> answering_;
  std::map<decltype(core::order(core::GemmProblem{})), std::vector<const WinnerRow*>> by_problem_;
  std::map<std::string, std::vector<const WinnerRow*>> by_family_;
};

void drop_superseded(SQLite::Database& database, const std::filesystem::path& path,
                     const core::Environment& here, Unknown& unknown, Pruned& pruned) {
  std::vector<WinnerRow> rows = read_winners(database, path, {}, unknown);
  mark_unlaunchable(database, rows);
  const Winners winners(rows, here);
  std::set<std::int64_t> old_winners;
  for (const WinnerRow& row : rows) {
    const auto same_rows = [&row](const core::Winner& winner) {
      return winner.rows == row.winner.rows;
    };
    if (winners.supersede(row.winner.problem, row.environment, same_rows)) {
      old_winners.insert(row.id);
    }
  }
  std::set<std::int64_t> old_trials;
  for (const TrialRow& row : read_trials(database, path, {}, unknown)) {
    const auto tells = [&row](const core::Winner& winner) {
      return core::tells_of(row.trial, winner.rows);
    };
    const bool is_old = core::is_probe(row.trial)
                            ? winners.left_behind(row, old_winners)
                            : winners.supersede(row.trial.problem, row.environment, tells);
    if (is_old) old_trials.insert(row.id);
  }
  pruned.trials += drop(database, "trials", old_trials);
  pruned.winners += drop(database, "winners", old_winners);
}

// The one thing that keeps a config which ended its process from being tried again.
bool is_quarantining(const TrialRow& row) {
  return std::ranges::find(core::kQuarantining, row.trial.outcome) != core::kQuarantining.end();
}

int drop_losers(SQLite::Database& database, const std::filesystem::path& path, Unknown& unknown) {
  std::set<std::int64_t> judged;
  std::set<std::int64_t> kept;
  for (const WinnerRow& row :
       read_winners(database, path, {.newest_only = true, .decided_first = true}, unknown)) {
    const auto trials = read_trials(database, path, {.problem = row.winner.problem}, unknown);
    for (const TrialRow& each : trials) {
      if (may_support(each, row) && !is_quarantining(each)) judged.insert(each.id);
    }
    const Evidence evidence = evidence_of(row, trials);
    for (const TrialRow* each : {evidence.winner, evidence.runner_up, evidence.fallback,
                                 evidence.block, evidence.tensorwide}) {
      if (each != nullptr) kept.insert(each->id);
    }
  }
  for (const std::int64_t id : kept) judged.erase(id);
  return drop(database, "trials", judged);
}

}  // namespace

Pruned prune(SQLite::Database& database, const std::filesystem::path& path,
             const PruneOptions& options, const core::Environment& here, Unknown& unknown) {
  SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
  Pruned pruned;
  if (options.superseded) drop_superseded(database, path, here, unknown, pruned);
  if (options.losers) pruned.trials += drop_losers(database, path, unknown);
  if (options.orphans) {
    pruned.cubins = database.exec(
        "DELETE FROM kernels WHERE key NOT IN (SELECT kernel_key FROM winners)"
        " AND key NOT IN (SELECT kernel_key FROM trials)");
  }
  const std::string without_rows =
      " NOT IN (SELECT environment_id FROM winners UNION SELECT environment_id FROM trials)";
  database.exec("DELETE FROM calibrations WHERE environment_id" + without_rows);
  pruned.environments = database.exec("DELETE FROM environments WHERE id" + without_rows);
  if (options.dry_run) return pruned;  // the transaction rolls back
  transaction.commit();
  database.exec("VACUUM");
  return pruned;
}

}  // namespace deepgemm::db
