#include "db/prune.h"

#include <SQLiteCpp/Transaction.h>

#include <limits>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "db/columns.h"
#include "db/recorded_rows.h"
#include "db/values.h"

namespace deepgemm::db {
namespace {

// "a.m = b.m AND a.n = b.n …"
std::string same_problem(const std::string& a, const std::string& b) {
  std::string condition;
  const core::GemmProblem problem;
  visit_problem(problem, [&](const std::string& name, const auto&) {
    if (!condition.empty()) condition += " AND ";
    condition += a + ".\"" + name + "\" = " + b + ".\"" + name + '"';
  });
  return condition;
}

// Rows of `table` whose problem has a measured winner that is newer than every winner of the row's
// own environment, from another environment of the same kind of GPU.
int drop_superseded(SQLite::Database& database, const std::string& table) {
  return database.exec(
      "DELETE FROM " + table +
      " WHERE EXISTS (SELECT 1 FROM winners newer"
      " JOIN environments theirs ON theirs.id = newer.environment_id"
      " JOIN environments ours ON ours.id = " +
      table +
      ".environment_id"
      " WHERE theirs.device_id = ours.device_id AND theirs.id <> ours.id AND newer.measured = 1"
      " AND " +
      same_problem("newer", table) +
      " AND newer.id > (SELECT coalesce(max(own.id), 0) FROM winners own"
      " WHERE own.environment_id = ours.id AND " +
      same_problem("own", table) + "))");
}

// What deciding needs of a stored trial.
struct Entry {
  std::int64_t id;
  std::string contender;
  std::string kernel_key;
  double time_us;  // infinite where it cannot win
};

std::vector<Entry> entries_of(const SQLite::Database& database, const WinnerRow& row,
                              std::int64_t environment_id) {
  SQLite::Statement query(
      database,
      "SELECT t.id, t.contender, t.kernel_key, t.outcome, t.median_us, t.predicted_us FROM trials t"
      " JOIN winners w ON w.id = ? WHERE t.environment_id = ? AND " +
          same_problem("t", "w") + " ORDER BY t.id DESC");
  query.bind(1, row.id);
  query.bind(2, environment_id);
  std::vector<Entry> entries;
  while (query.executeStep()) {
    const std::string outcome = query.getColumn(3).getString();
    double time_us = std::numeric_limits<double>::infinity();
    if (outcome == core::name(core::Outcome::kMeasured)) time_us = query.getColumn(4).getDouble();
    if (outcome == core::name(core::Outcome::kPredicted) && !row.winner.measured) {
      time_us = query.getColumn(5).getDouble();
    }
    entries.push_back({query.getColumn(0).getInt64(), query.getColumn(1).getString(),
                       query.getColumn(2).getString(), time_us});
  }
  return entries;  // newest first
}

// The newest of each that stays: winner, runner-up, and each other contender.
std::set<std::int64_t> kept(const std::vector<Entry>& entries, const std::string& winning_key) {
  const std::string candidate(core::name(core::Contender::kCandidate));
  std::map<std::string, std::int64_t> newest;
  const Entry* runner_up = nullptr;
  for (const Entry& entry : entries) {
    if (entry.contender != candidate || entry.kernel_key == winning_key) {
      newest.emplace(entry.contender, entry.id);
    } else if (entry.time_us < std::numeric_limits<double>::infinity() &&
               (runner_up == nullptr || entry.time_us < runner_up->time_us)) {
      runner_up = &entry;
    }
  }
  std::set<std::int64_t> ids;
  for (const auto& [contender, id] : newest) ids.insert(id);
  if (runner_up != nullptr) ids.insert(runner_up->id);
  return ids;
}

int drop_losers(SQLite::Database& database, const std::filesystem::path& path) {
  int dropped = 0;
  for (const WinnerRow& row : read_winners(database, path, {.newest_only = true})) {
    const auto environment_id = find_environment(database, row.environment);
    if (!environment_id) continue;
    const std::vector<Entry> entries = entries_of(database, row, *environment_id);
    const std::set<std::int64_t> stays = kept(entries, row.winner.kernel_key);
    SQLite::Statement drop(database, "DELETE FROM trials WHERE id = ?");
    for (const Entry& entry : entries) {
      if (stays.contains(entry.id)) continue;
      drop.bind(1, entry.id);
      dropped += drop.exec();
      drop.reset();
    }
  }
  return dropped;
}

}  // namespace

Pruned prune(SQLite::Database& database, const std::filesystem::path& path,
             const PruneOptions& options) {
  SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
  Pruned pruned;
  if (options.superseded) {
    // Trials first: which of them are old is read from the winners.
    pruned.trials += drop_superseded(database, "trials");
    pruned.winners += drop_superseded(database, "winners");
  }
  if (options.losers) pruned.trials += drop_losers(database, path);
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
