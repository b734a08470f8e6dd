// Structs to rows and back.
#pragma once

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include <filesystem>
#include <optional>
#include <string>

#include "db/columns.h"
#include "db/schema.h"
#include "db/sqlite_errors.h"
#include "db/values.h"

namespace deepgemm::db {

// "a, b, 4": what to select for every column of the table, in order; the default stands in for a
// column that the file lacks.
std::string select_list(const SQLite::Database& database, const Table& table);

// "a IS ? AND b IS ? …" over the named columns, with defaults as above.
std::string equality(const SQLite::Database& database, const Table& table,
                     const std::vector<std::string>& names);

// "INSERT INTO t (own…, columns…) VALUES (own_values, ?, ?, …)".
std::string insert_sql(const Table& table, const std::string& own_names,
                       const std::string& own_values);

// Binds every field of `row` from parameter `index` on; returns the next free one.
template <class T>
int bind_row(SQLite::Statement& statement, int index, const T& row) {
  visit_columns(
      row, [&](const std::string&, const auto& value) { bind_value(statement, index++, value); });
  return index;
}

// The refusal of a column that holds what nobody writes there.
[[noreturn]] void throw_wrong_value(const std::filesystem::path& path, const Table& table,
                                    const std::string& column);

// Reads every field from result column `index` on. Throws UsageError naming the damaged column.
template <class T>
T read_row(SQLite::Statement& statement, int index, const std::filesystem::path& path) {
  T row;
  visit_columns(row, [&](const std::string& name, auto& value) {
    if (!read_value(statement.getColumn(index++), value)) {
      throw_wrong_value(path, table_of<T>(), name);
    }
  });
  return row;
}

// The same of a row that may hold a name which this deepgemm does not know, as a newer one may
// write it: then nullopt, and `unknown` says which: "operation 'grouped-ragged'".
template <class T>
std::optional<T> read_known_row(SQLite::Statement& statement, int index,
                                const std::filesystem::path& path, std::string& unknown) {
  T row;
  bool is_known = true;
  visit_columns(row, [&]<class V>(const std::string& name, V& value) {
    const SQLite::Column column = statement.getColumn(index++);
    if (read_value(column, value)) return;
    if constexpr (NamedValue<V>) {
      if (holds_a_name(column)) {
        is_known = false;
        unknown = name + " '" + column.getString() + "'";
        return;
      }
    }
    throw_wrong_value(path, table_of<T>(), name);
  });
  if (!is_known) return std::nullopt;
  return row;
}

}  // namespace deepgemm::db
