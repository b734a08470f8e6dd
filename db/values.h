// One C++ value in one SQLite column.
#pragma once

#include <SQLiteCpp/Column.h>
#include <SQLiteCpp/Statement.h>

#include <bit>
#include <concepts>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "core/trial.h"

namespace deepgemm::db {

// Samples are stored as their bytes.
static_assert(std::endian::native == std::endian::little);

template <class T>
concept IntegerValue = std::integral<T>;

// Enums are stored by name, so that a reordered enum cannot change old rows.
template <class T>
concept NamedValue = std::is_enum_v<T>;

// Type and constraint of the column that holds a T. NaN is NULL in SQLite, so reals may be null.
template <class T>
constexpr const char* sql_type() {
  if constexpr (IntegerValue<T>) return "INTEGER NOT NULL";
  if constexpr (std::floating_point<T>) return "REAL";
  if constexpr (NamedValue<T> || std::same_as<T, std::string>) return "TEXT NOT NULL";
  return "BLOB NOT NULL";
}

// The same value as an SQL literal; of containers only the empty one is ever a default.
template <class T>
std::string sql_literal(const T& value) {
  if constexpr (IntegerValue<T>) return std::to_string(static_cast<std::int64_t>(value));
  if constexpr (std::floating_point<T>) return std::to_string(value);
  if constexpr (NamedValue<T>) return "'" + std::string(core::name(value)) + "'";
  if constexpr (std::same_as<T, std::string>) return "''";
  return "x''";
}

void bind_blob(SQLite::Statement& statement, int index, const void* data, std::size_t bytes);

template <IntegerValue T>
void bind_value(SQLite::Statement& statement, int index, T value) {
  statement.bind(index, static_cast<std::int64_t>(value));
}
template <NamedValue T>
void bind_value(SQLite::Statement& statement, int index, T value) {
  statement.bind(index, std::string(core::name(value)));
}
template <class T>
void bind_value(SQLite::Statement& statement, int index, const std::vector<T>& value) {
  bind_blob(statement, index, value.data(), value.size() * sizeof(T));
}
void bind_value(SQLite::Statement& statement, int index, double value);
void bind_value(SQLite::Statement& statement, int index, const std::string& value);

// Whether a column of named values holds any name at all, be it one that is not known here.
bool holds_a_name(const SQLite::Column& column);

// Each returns false where the column does not hold such a value.
bool read_integer(const SQLite::Column& column, std::int64_t low, std::int64_t high,
                  std::int64_t& value);
bool read_value(const SQLite::Column& column, double& value);
bool read_value(const SQLite::Column& column, std::string& value);
bool read_value(const SQLite::Column& column, std::vector<double>& value);
bool read_value(const SQLite::Column& column, std::vector<char>& value);
bool read_value(const SQLite::Column& column, core::Operation& value);
bool read_value(const SQLite::Column& column, core::ScaleRecipe& value);
bool read_value(const SQLite::Column& column, core::OutputType& value);
bool read_value(const SQLite::Column& column, core::Contender& value);
bool read_value(const SQLite::Column& column, core::Outcome& value);

template <IntegerValue T>
bool read_value(const SQLite::Column& column, T& value) {
  // A 64-bit unsigned hash fills the whole signed range; narrower types their own.
  constexpr bool kWide = sizeof(T) == sizeof(std::int64_t);
  using Limits = std::numeric_limits<std::conditional_t<kWide, std::int64_t, T>>;
  std::int64_t wide = 0;
  if (!read_integer(column, Limits::min(), Limits::max(), wide)) return false;
  value = static_cast<T>(wide);
  return true;
}

}  // namespace deepgemm::db
