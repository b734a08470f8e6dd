#include "db/selection.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/trial.h"
#include "db/rows.h"

namespace deepgemm::db {
namespace {

// Names of the columns that visit_problem fills, in its order.
const std::vector<std::string>& problem_columns() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> found;
    core::GemmProblem problem;
    visit_problem(problem,
                  [&found](const std::string& name, const auto&) { found.push_back(name); });
    return found;
  }();
  return names;
}

// Names of the columns that hold a trial's config.
std::vector<std::string> config_columns() {
  std::vector<std::string> names;
  core::GemmConfig config;
  visit_config("config_", config,
               [&names](const std::string& name, const auto&) { names.push_back(name); });
  return names;
}

// What tells winners of one environment apart that stand beside each other.
std::vector<std::string> winner_identity() {
  std::vector<std::string> names = problem_columns();
  names.push_back("rows");
  return names;
}

// Those that an older file has: what it lacks is the default of all its rows.
std::vector<std::string> stored_of(const SQLite::Database& database, const Table& table,
                                   std::vector<std::string> names) {
  const std::vector<std::string> stored = stored_columns(database, table);
  std::erase_if(names, [&](const std::string& name) {
    return std::ranges::find(stored, name) == stored.end();
  });
  return names;
}

// The id to take of several winners beside each other: the newest of those that most speaks for.
std::string newest_id(bool decided_first) {
  const std::string searched = "reason NOT LIKE '" + std::string(core::kServes) + "%'";
  const std::string decided = "reason NOT LIKE '%" + std::string(core::kCutShort) + "'";
  const auto newest_where = [](const std::string& condition) {
    return "max(CASE WHEN " + condition + " THEN id END), ";
  };
  return "coalesce(" + (decided_first ? newest_where(searched + " AND " + decided) : "") +
         newest_where(searched) + "max(id))";
}

// ` AND environment_id IN (1, 2)`; any where there are none.
std::string of_environments(const std::vector<std::int64_t>& environment_ids) {
  std::string ids;
  for (const std::int64_t id : environment_ids) {
    ids += (ids.empty() ? "" : ", ") + std::to_string(id);
  }
  return ids.empty() ? "" : " AND environment_id IN (" + ids + ")";
}

// "'a', 'b'"
template <class List>
std::string literals(const List& values) {
  std::string list;
  for (const auto& each : values) list += (list.empty() ? "" : ", ") + sql_literal(each);
  return list;
}

std::string lost_and_not_found_again(const SQLite::Database& database, const Table& table,
                                     const std::string& environments) {
  const std::string ours =
      " AND contender IN (" +
      literals(std::array{core::Contender::kCandidate, core::Contender::kDefault}) + ")";
  const std::string quarantining = literals(core::kQuarantining);
  std::string same;
  for (const auto& names : {problem_columns(), config_columns()}) {
    for (const std::string& name : stored_of(database, table, names)) {
      same += " AND later.\"" + name + "\" IS " + table.name + ".\"" + name + '"';
    }
  }
  return ours + " AND outcome IN (" + quarantining + ") AND NOT EXISTS (SELECT 1 FROM " +
         table.name + " AS later WHERE later.id > " + table.name + ".id" + environments + ours +
         " AND outcome NOT IN (" + quarantining + ", " + sql_literal(core::Outcome::kVerified) +
         ")" + same + ")";
}

}  // namespace

std::string condition_of(const SQLite::Database& database, const Table& table,
                         const Selection& selection) {
  const std::string environments = of_environments(selection.environment_ids);
  std::string condition = "1";
  if (selection.problem) condition += " AND " + equality(database, table, problem_columns());
  if (selection.any_m_of) condition += " AND n = ? AND k = ?";
  condition += environments;
  if (selection.quarantined) condition += lost_and_not_found_again(database, table, environments);
  if (!selection.newest_only) return condition;
  // Only rows that are asked for are grouped: there may be thousands of others.
  std::string groups = "environment_id";
  for (const std::string& name : stored_of(database, table, winner_identity())) {
    groups += ", \"" + name + '"';
  }
  return "id IN (SELECT " + newest_id(selection.decided_first) + " FROM " + table.name + " WHERE " +
         condition + " GROUP BY " + groups + ")";
}

void bind_selection(SQLite::Statement& query, const Selection& selection) {
  int index = 1;
  if (selection.problem) {
    visit_problem(*selection.problem, [&](const std::string&, const auto& value) {
      bind_value(query, index++, value);
    });
  }
  if (selection.any_m_of) {
    bind_value(query, index++, selection.any_m_of->n);
    bind_value(query, index++, selection.any_m_of->k);
  }
}

}  // namespace deepgemm::db
