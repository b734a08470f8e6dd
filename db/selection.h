// Which rows of a table to read, as SQL.
#pragma once

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/problem.h"
#include "db/schema.h"

namespace deepgemm::db {

// What to read. Unset members do not restrict.
struct Selection {
  std::optional<core::GemmProblem> problem = {};   // all of it, or
  std::optional<core::GemmProblem> any_m_of = {};  // its n and k only
  std::vector<std::int64_t> environment_ids = {};  // empty: any
  // Winners: one per problem, environment and rows, the newest that a search chose.
  bool newest_only = false;
  bool decided_first = false;  // of those, one that no budget cut short
  // Trials of our kernels: that ended the process that ran them, where no later one of the same
  // problem and config ran to an end.
  bool quarantined = false;
  bool telling = false;  // trials: not a check (verified) where another row of its kernel says more
};

// What to put behind WHERE, for rows of `table`; bind_selection binds its parameters, from 1 on.
std::string condition_of(const SQLite::Database& database, const Table& table,
                         const Selection& selection);
void bind_selection(SQLite::Statement& query, const Selection& selection);

}  // namespace deepgemm::db
