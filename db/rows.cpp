#include "db/rows.h"

#include <algorithm>

namespace deepgemm::db {
namespace {

std::string expression(const Column& column, const std::vector<std::string>& stored) {
  const bool present = std::find(stored.begin(), stored.end(), column.name) != stored.end();
  return present ? '"' + column.name + '"' : column.default_value;
}

}  // namespace

void throw_wrong_value(const std::filesystem::path& path, const Table& table,
                       const std::string& column) {
  throw_damaged(path, "column " + column + " of table " + table.name +
                          " holds a value that was never written");
}

std::string select_list(const SQLite::Database& database, const Table& table) {
  const std::vector<std::string> stored = stored_columns(database, table);
  std::string list;
  for (const Column& column : table.columns) {
    if (!list.empty()) list += ", ";
    list += expression(column, stored);
  }
  return list;
}

std::string equality(const SQLite::Database& database, const Table& table,
                     const std::vector<std::string>& names) {
  const std::vector<std::string> stored = stored_columns(database, table);
  std::string condition;
  for (const std::string& name : names) {
    const auto column = std::find_if(table.columns.begin(), table.columns.end(),
                                     [&name](const Column& each) { return each.name == name; });
    if (!condition.empty()) condition += " AND ";
    condition += expression(*column, stored) + " IS ?";
  }
  return condition;
}

std::string insert_sql(const Table& table, const std::string& own_names,
                       const std::string& own_values) {
  std::string names = own_names;
  std::string values = own_values;
  for (const Column& column : table.columns) {
    names += (names.empty() ? "\"" : ", \"") + column.name + '"';
    values += values.empty() ? "?" : ", ?";
  }
  return "INSERT INTO " + table.name + " (" + names + ") VALUES (" + values + ")";
}

}  // namespace deepgemm::db
