#include "db/values.h"

#include <sqlite3.h>

#include <cstring>
#include <limits>

namespace deepgemm::db {
namespace {

template <class T>
bool read_blob(const SQLite::Column& column, std::vector<T>& value) {
  if (!column.isBlob()) return false;
  const auto bytes = static_cast<std::size_t>(column.getBytes());
  if (bytes % sizeof(T) != 0) return false;
  value.resize(bytes / sizeof(T));
  if (bytes > 0) std::memcpy(value.data(), column.getBlob(), bytes);
  return true;
}

template <class T>
bool read_named(const SQLite::Column& column, std::optional<T> (*named)(std::string_view),
                T& value) {
  std::string text;
  if (!read_value(column, text)) return false;
  const std::optional<T> found = named(text);
  if (!found) return false;
  value = *found;
  return true;
}

// For enums with one value so far.
template <class T>
bool read_only_value(const SQLite::Column& column, T only, T& value) {
  std::string text;
  value = only;
  return read_value(column, text) && text == core::name(only);
}

}  // namespace

void bind_blob(SQLite::Statement& statement, int index, const void* data, std::size_t bytes) {
  if (bytes > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    throw SQLite::Exception("a value is larger than 2 GiB", SQLITE_TOOBIG);
  }
  // A null pointer would be stored as NULL, not as an empty blob.
  statement.bind(index, bytes == 0 ? "" : data, static_cast<int>(bytes));
}

void bind_value(SQLite::Statement& statement, int index, double value) {
  statement.bind(index, value);
}

void bind_value(SQLite::Statement& statement, int index, const std::string& value) {
  statement.bind(index, value);
}

bool holds_a_name(const SQLite::Column& column) { return column.isText() && column.getBytes() > 0; }

bool read_integer(const SQLite::Column& column, std::int64_t low, std::int64_t high,
                  std::int64_t& value) {
  if (!column.isInteger()) return false;
  value = column.getInt64();
  return value >= low && value <= high;
}

bool read_value(const SQLite::Column& column, double& value) {
  if (column.isNull()) {
    value = std::numeric_limits<double>::quiet_NaN();
    return true;
  }
  value = column.getDouble();
  return column.isFloat() || column.isInteger();
}

bool read_value(const SQLite::Column& column, std::string& value) {
  if (!column.isText()) return false;
  value = column.getString();
  return true;
}

bool read_value(const SQLite::Column& column, std::vector<double>& value) {
  return read_blob(column, value);
}

bool read_value(const SQLite::Column& column, std::vector<char>& value) {
  return read_blob(column, value);
}

bool read_value(const SQLite::Column& column, core::Operation& value) {
  return read_named(column, &core::operation_named, value);
}

bool read_value(const SQLite::Column& column, core::ScaleRecipe& value) {
  return read_only_value(column, core::ScaleRecipe::k1x128With128x128, value);
}

bool read_value(const SQLite::Column& column, core::OutputType& value) {
  return read_only_value(column, core::OutputType::kBf16, value);
}

bool read_value(const SQLite::Column& column, core::Contender& value) {
  return read_named(column, &core::contender_named, value);
}

bool read_value(const SQLite::Column& column, core::Outcome& value) {
  return read_named(column, &core::outcome_named, value);
}

}  // namespace deepgemm::db
