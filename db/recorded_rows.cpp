#include "db/recorded_rows.h"

#include <SQLiteCpp/Transaction.h>

#include <algorithm>
#include <map>
#include <set>

#include "db/rows.h"
#include "db/selection.h"

namespace deepgemm::db {
namespace {

std::vector<std::string> names_of(const Table& table) {
  std::vector<std::string> names;
  for (const Column& column : table.columns) names.push_back(column.name);
  return names;
}

std::int64_t environment_row(SQLite::Database& database, const core::Environment& environment) {
  if (const auto found = find_environment(database, environment)) return *found;
  SQLite::Statement insert(database, insert_sql(table_of<core::Environment>(), "", ""));
  bind_row(insert, 1, environment);
  insert.exec();
  return database.getLastInsertRowid();
}

template <class T>
bool is_stored(const SQLite::Database& database, const T& row, std::int64_t environment_id,
               const std::string& recorded_at) {
  const Table& table = table_of<T>();
  SQLite::Statement query(database, "SELECT 1 FROM " + table.name +
                                        " WHERE environment_id = ? AND recorded_at = ? AND " +
                                        equality(database, table, names_of(table)));
  query.bind(1, environment_id);
  query.bind(2, recorded_at);
  bind_row(query, 3, row);
  return query.executeStep();
}

template <class T>
bool add_row(SQLite::Database& database, const T& row, const core::Environment& environment,
             const std::string& recorded_at) {
  const std::int64_t environment_id = environment_row(database, environment);
  if (is_stored(database, row, environment_id, recorded_at)) return false;
  SQLite::Statement insert(database,
                           insert_sql(table_of<T>(), "environment_id, recorded_at", "?, ?"));
  insert.bind(1, environment_id);
  insert.bind(2, recorded_at);
  bind_row(insert, 3, row);
  insert.exec();
  return true;
}

template <class T>
void sort_table(SQLite::Database& database) {
  const Table& table = table_of<T>();
  std::string columns = "environment_id, recorded_at";
  for (const Column& column : table.columns) columns += ", \"" + column.name + '"';
  database.exec("CREATE TEMP TABLE in_order AS SELECT " + columns + " FROM " + table.name +
                " ORDER BY recorded_at, id");
  database.exec("DELETE FROM " + table.name);
  database.exec("INSERT INTO " + table.name + " (" + columns + ") SELECT " + columns +
                " FROM in_order ORDER BY rowid");
  database.exec("DROP TABLE in_order");
}

template <class T>
void append_rows(SQLite::Database& database, std::span<const T> rows,
                 const core::Environment& environment) {
  SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
  SQLite::Statement insert(database, insert_sql(table_of<T>(), "environment_id, recorded_at",
                                                "?, strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"));
  const std::int64_t environment_id = environment_row(database, environment);
  for (const T& row : rows) {
    insert.bind(1, environment_id);
    bind_row(insert, 2, row);
    insert.exec();
    insert.reset();
  }
  transaction.commit();
}

core::Environment read_environment(const SQLite::Database& database,
                                   const std::filesystem::path& path, std::int64_t id) {
  const Table& table = table_of<core::Environment>();
  SQLite::Statement query(
      database, "SELECT " + select_list(database, table) + " FROM " + table.name + " WHERE id = ?");
  query.bind(1, id);
  if (!query.executeStep()) throw_damaged(path, "a row refers to an environment that is missing");
  return read_row<core::Environment>(query, 0, path);
}

// Calls take(row, environment, recorded_at, id) for each row selected that holds no unknown name.
template <class T, class Take>
void for_each_row(const SQLite::Database& database, const std::filesystem::path& path,
                  const Selection& selection, Unknown& unknown, Take take) {
  const Table& table = table_of<T>();
  SQLite::Statement query(database, "SELECT id, environment_id, recorded_at, " +
                                        select_list(database, table) + " FROM " + table.name +
                                        " WHERE " + condition_of(database, table, selection) +
                                        " ORDER BY id");
  bind_selection(query, selection);
  std::map<std::int64_t, core::Environment> environments;
  std::string name;
  while (query.executeStep()) {
    const std::int64_t id = query.getColumn(0).getInt64();
    std::optional<T> row = read_known_row<T>(query, 3, path, name);
    if (!row) {
      unknown[{table.name, id}] = name;
      continue;
    }
    const std::int64_t environment_id = query.getColumn(1).getInt64();
    auto found = environments.find(environment_id);
    if (found == environments.end()) {
      found = environments.emplace(environment_id, read_environment(database, path, environment_id))
                  .first;
    }
    take(*std::move(row), found->second, query.getColumn(2).getString(), id);
  }
}

}  // namespace

std::optional<std::int64_t> find_environment(const SQLite::Database& database,
                                             const core::Environment& environment) {
  const Table& table = table_of<core::Environment>();
  SQLite::Statement query(database, "SELECT id FROM " + table.name + " WHERE " +
                                        equality(database, table, names_of(table)) +
                                        " ORDER BY id LIMIT 1");
  bind_row(query, 1, environment);
  if (!query.executeStep()) return std::nullopt;
  return query.getColumn(0).getInt64();
}

std::vector<std::int64_t> agreeing_environments(const SQLite::Database& database,
                                                const std::filesystem::path& path,
                                                const core::Environment& environment) {
  const Table& table = table_of<core::Environment>();
  SQLite::Statement query(database, "SELECT id, " + select_list(database, table) + " FROM " +
                                        table.name + " WHERE device_uuid = ? ORDER BY id DESC");
  query.bind(1, environment.device_uuid);
  core::Environment known = environment;
  std::vector<std::int64_t> ids;
  while (query.executeStep()) {
    const auto stored = read_row<core::Environment>(query, 1, path);
    if (core::unite(known, stored)) ids.push_back(query.getColumn(0).getInt64());
  }
  return ids;
}

void append(SQLite::Database& database, std::span<const core::Trial> trials,
            const core::Environment& environment) {
  append_rows(database, trials, environment);
}

void append(SQLite::Database& database, const core::Winner& winner,
            const core::Environment& environment) {
  append_rows(database, std::span(&winner, 1), environment);
}

void append(SQLite::Database& database, const core::Calibration& calibration,
            const core::Environment& environment) {
  append_rows(database, std::span(&calibration, 1), environment);
}

bool add(SQLite::Database& database, const TrialRow& row) {
  return add_row(database, row.trial, row.environment, row.recorded_at);
}

bool add(SQLite::Database& database, const WinnerRow& row) {
  return add_row(database, row.winner, row.environment, row.recorded_at);
}

bool add(SQLite::Database& database, const CalibrationRow& row) {
  return add_row(database, row.calibration, row.environment, row.recorded_at);
}

void sort_by_time(SQLite::Database& database) {
  sort_table<core::Trial>(database);
  sort_table<core::Winner>(database);
  sort_table<core::Calibration>(database);
}

namespace {

// A check is stored before its kernel is timed; one that a merge brought may even be newer than the
// times.
void drop_answered_checks(std::vector<TrialRow>& rows) {
  const auto is_check = [](const TrialRow& row) {
    return row.trial.outcome == core::Outcome::kVerified;
  };
  const auto is_answered = [&](const TrialRow& check) {
    return std::ranges::any_of(rows, [&](const TrialRow& each) {
      return !is_check(each) && core::is_probe(each.trial) == core::is_probe(check.trial) &&
             each.trial.contender == check.trial.contender &&
             each.trial.kernel_key == check.trial.kernel_key &&
             each.trial.problem == check.trial.problem &&
             core::agree(each.environment, check.environment);
    });
  };
  std::set<std::int64_t> answered;
  for (const TrialRow& row : rows) {
    if (is_check(row) && is_answered(row)) answered.insert(row.id);
  }
  std::erase_if(rows, [&](const TrialRow& row) { return answered.contains(row.id); });
}

}  // namespace

std::vector<TrialRow> read_trials(const SQLite::Database& database,
                                  const std::filesystem::path& path, const Selection& selection,
                                  Unknown& unknown) {
  std::vector<TrialRow> rows;
  for_each_row<core::Trial>(
      database, path, selection, unknown,
      [&rows](core::Trial trial, const core::Environment& environment, std::string recorded_at,
              std::int64_t id) {
        rows.push_back({std::move(trial), environment, std::move(recorded_at), id});
      });
  if (selection.telling) drop_answered_checks(rows);
  return rows;
}

std::vector<WinnerRow> read_winners(const SQLite::Database& database,
                                    const std::filesystem::path& path, const Selection& selection,
                                    Unknown& unknown) {
  std::vector<WinnerRow> rows;
  for_each_row<core::Winner>(
      database, path, selection, unknown,
      [&rows](core::Winner winner, const core::Environment& environment, std::string recorded_at,
              std::int64_t id) {
        rows.push_back({std::move(winner), environment, std::move(recorded_at), id});
      });
  return rows;
}

std::vector<CalibrationRow> read_calibrations(const SQLite::Database& database,
                                              const std::filesystem::path& path,
                                              const std::vector<std::int64_t>& environment_ids) {
  std::vector<CalibrationRow> rows;
  if (stored_columns(database, table_of<core::Calibration>()).empty()) return rows;
  Unknown none;  // a calibration holds no names
  for_each_row<core::Calibration>(
      database, path, {.environment_ids = environment_ids}, none,
      [&rows](core::Calibration calibration, const core::Environment& environment,
              std::string recorded_at, std::int64_t) {
        rows.push_back({calibration, environment, std::move(recorded_at)});
      });
  return rows;
}

}  // namespace deepgemm::db
