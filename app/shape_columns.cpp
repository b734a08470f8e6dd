#include "app/shape_columns.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/group_rows.h"

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

Cell unusual_rows_cell(const core::GemmProblem& problem, const std::string& rows) {
  constexpr std::string_view kPrefix = "rows: ";
  Cell whole = cell(rows.starts_with(kPrefix) ? rows.substr(kPrefix.size()) : rows);
  // As many as stand beside each other without making the column the widest one.
  constexpr std::size_t kFew = 4;
  const auto draw = core::draw_of(problem, rows);
  if (!draw || draw->rows.size() <= kFew) return whole;
  const auto [fewest, most] = std::ranges::minmax(draw->rows);
  whole.shown = fmt::format("{} to {}", fewest, most);
  if (const auto comma = whole.raw.find(','); comma != std::string::npos) {
    whole.shown += whole.raw.substr(comma);
  }
  return whole;
}

}  // namespace deepgemm::app
