// The tables of a tuning database.
#pragma once

#include <SQLiteCpp/Database.h>

#include <filesystem>
#include <string>
#include <vector>

#include "core/store.h"

namespace deepgemm::db {

// In the file's user_version. Raised when the meaning of a table changes; a mere new column does
// not need it.
inline constexpr int kSchemaVersion = 1;

struct Column {
  std::string name;
  std::string type;           // with its constraint
  std::string default_value;  // SQL literal; what rows older than the column hold
};

// A table beside its own bookkeeping columns.
struct Table {
  std::string name;
  std::string own_columns;  // SQL that precedes `columns` when it is created
  std::vector<std::string> own_column_names;
  std::vector<Column> columns;
  bool is_later = false;  // a file that was written before this table existed is whole without it
};

// One per struct that is stored (core::Environment, Trial, Winner, Calibration, Cubin).
template <class T>
const Table& table_of();
template <>
const Table& table_of<core::Environment>();
template <>
const Table& table_of<core::Trial>();
template <>
const Table& table_of<core::Winner>();
template <>
const Table& table_of<core::Calibration>();
template <>
const Table& table_of<core::Cubin>();

// Names of the columns that the file has; empty where it has no such table.
std::vector<std::string> stored_columns(const SQLite::Database& database, const Table& table);

// Throws UsageError for a file of a newer deepgemm (a newer version, a table with columns this one
// does not know) and for one whose tables are missing.
void require_readable(const SQLite::Database& database, const std::filesystem::path& path);

// Throws UsageError where pages or rows are broken. Reads the whole file once.
void require_sound(const SQLite::Database& database, const std::filesystem::path& path);

// Creates the tables in an empty file, in one transaction.
void create_schema(SQLite::Database& database);

// Adds the columns that the file lacks, with their defaults, and later tables, in one transaction.
void add_what_is_missing(SQLite::Database& database);

int schema_version_of(const SQLite::Database& database);

}  // namespace deepgemm::db
