#include "db/schema.h"

#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>

#include <algorithm>

#include "core/error.h"
#include "db/columns.h"
#include "db/connection.h"
#include "db/sqlite_errors.h"
#include "db/values.h"

namespace deepgemm::db {
namespace {

template <class T>
std::vector<Column> columns_of() {
  const T defaults{};
  std::vector<Column> columns;
  visit_columns(defaults, [&columns]<class V>(const std::string& name, const V& value) {
    columns.push_back({name, sql_type<V>(), sql_literal(value)});
  });
  return columns;
}

// Trials and winners are append-only; AUTOINCREMENT keeps "newest" meaning "largest id".
const char* const kRecordedColumns =
    "id INTEGER PRIMARY KEY AUTOINCREMENT, "
    "environment_id INTEGER NOT NULL REFERENCES environments(id), "
    "recorded_at TEXT NOT NULL";
const std::vector<std::string> kRecordedNames = {"id", "environment_id", "recorded_at"};

std::vector<const Table*> all_tables() {
  return {&table_of<core::Environment>(), &table_of<core::Trial>(), &table_of<core::Winner>(),
          &table_of<core::Calibration>(), &table_of<core::Cubin>()};
}

std::string definition(const Column& column) {
  return '"' + column.name + "\" " + column.type + " DEFAULT " + column.default_value;
}

std::string definition(const Table& table) {
  std::string sql = "CREATE TABLE " + table.name + " (" + table.own_columns;
  for (const Column& column : table.columns) sql += ", " + definition(column);
  return sql + ") STRICT";
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool knows(const Table& table, const std::string& name) {
  return contains(table.own_column_names, name) ||
         std::any_of(table.columns.begin(), table.columns.end(),
                     [&name](const Column& column) { return column.name == name; });
}

[[noreturn]] void throw_newer(const std::filesystem::path& path, const std::string& what) {
  throw core::UsageError(path.string() + " was written by a newer deepgemm (" + what + ")",
                         "Update this deepgemm, or pass another database.");
}

}  // namespace

template <>
const Table& table_of<core::Environment>() {
  static const Table table = {
      "environments", "id INTEGER PRIMARY KEY", {"id"}, columns_of<core::Environment>()};
  return table;
}

template <>
const Table& table_of<core::Trial>() {
  static const Table table = {"trials", kRecordedColumns, kRecordedNames,
                              columns_of<core::Trial>()};
  return table;
}

template <>
const Table& table_of<core::Winner>() {
  static const Table table = {"winners", kRecordedColumns, kRecordedNames,
                              columns_of<core::Winner>()};
  return table;
}

template <>
const Table& table_of<core::Calibration>() {
  static const Table table = {"calibrations", kRecordedColumns, kRecordedNames,
                              columns_of<core::Calibration>(), true};
  return table;
}

template <>
const Table& table_of<core::Cubin>() {
  static const Table table = {
      "kernels", "sha256 TEXT NOT NULL", {"sha256"}, columns_of<core::Cubin>()};
  return table;
}

std::vector<std::string> stored_columns(const SQLite::Database& database, const Table& table) {
  SQLite::Statement query(database, "SELECT name FROM pragma_table_info(?)");
  query.bind(1, table.name);
  std::vector<std::string> names;
  while (query.executeStep()) names.push_back(query.getColumn(0).getString());
  return names;
}

void require_readable(const SQLite::Database& database, const std::filesystem::path& path) {
  const int version = schema_version_of(database);
  if (version > kSchemaVersion) {
    throw_newer(path, "schema " + std::to_string(version) + ", this one reads up to " +
                          std::to_string(kSchemaVersion));
  }
  if (version < 1) throw_damaged(path, "it has no schema version");
  for (const Table* table : all_tables()) {
    const std::vector<std::string> stored = stored_columns(database, *table);
    if (stored.empty() && table->is_later) continue;
    for (const std::string& name : table->own_column_names) {
      if (!contains(stored, name)) {
        throw_damaged(path, "its table '" + table->name + "' is missing or incomplete");
      }
    }
    for (const std::string& name : stored) {
      if (!knows(*table, name)) throw_newer(path, "column " + table->name + "." + name);
    }
  }
}

void require_sound(const SQLite::Database& database, const std::filesystem::path& path) {
  SQLite::Statement check(database, "PRAGMA quick_check(1)");
  while (check.executeStep()) {
    const std::string said = check.getColumn(0).getString();
    if (said != "ok") throw_damaged(path, said.substr(0, said.find('\n')));
  }
}

void create_schema(SQLite::Database& database) {
  SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
  database.exec("PRAGMA application_id=" + std::to_string(kApplicationId));
  database.exec("PRAGMA user_version=" + std::to_string(kSchemaVersion));
  for (const Table* table : all_tables()) database.exec(definition(*table));
  database.exec("CREATE UNIQUE INDEX kernels_by_key ON kernels(key)");
  database.exec("CREATE INDEX trials_by_problem ON trials(n, k, m, environment_id)");
  database.exec("CREATE INDEX winners_by_problem ON winners(n, k, m, environment_id)");
  transaction.commit();
}

void add_what_is_missing(SQLite::Database& database) {
  SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
  for (const Table* table : all_tables()) {
    const std::vector<std::string> stored = stored_columns(database, *table);
    if (stored.empty()) {
      database.exec(definition(*table));
      continue;
    }
    for (const Column& column : table->columns) {
      if (contains(stored, column.name)) continue;
      database.exec("ALTER TABLE " + table->name + " ADD COLUMN " + definition(column));
    }
  }
  transaction.commit();
}

int schema_version_of(const SQLite::Database& database) {
  SQLite::Statement query(database, "PRAGMA user_version");
  query.executeStep();
  return query.getColumn(0).getInt();
}

}  // namespace deepgemm::db
