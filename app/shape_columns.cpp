#include "app/shape_columns.h"

#include <fmt/format.h>

namespace deepgemm::app {

Cell operation_cell(const core::GemmProblem& problem) {
  std::string shown;
  if (problem.operation == core::Operation::kGroupedContiguous) {
    shown = fmt::format("contiguous {} / {}", problem.groups, problem.alignment);
  } else if (problem.operation == core::Operation::kGroupedMasked) {
    shown = fmt::format("masked {}", problem.groups);
  }
  return {shown, std::string(core::name(problem.operation)), Colour::kNone};
}

Cell groups_cell(const core::GemmProblem& problem) { return cell(problem.groups); }

Cell alignment_cell(const core::GemmProblem& problem) { return cell(problem.alignment); }

Cell unusual_rows_cell(const core::Winner& winner) {
  constexpr std::string_view kPrefix = "rows: ";
  const bool named = winner.rows.starts_with(kPrefix);
  return cell(named ? winner.rows.substr(kPrefix.size()) : winner.rows);
}

}  // namespace deepgemm::app
