// What tables say of a problem beside m, n and k. People see it only where some row is grouped.
#pragma once

#include "app/table.h"
#include "core/trial.h"

namespace deepgemm::app {

// "masked 32", "contiguous 16 / 128" (groups, alignment), nothing for dense; csv: "grouped-masked".
inline const Column kOperationColumn{"groups", "op", Align::kLeft, true};
// For csv alone.
inline const Column kGroupsColumn{"", "groups"};
inline const Column kAlignmentColumn{"", "alignment"};

// "zipf, max_m 128" of a winner that was measured with other rows than groups usually have; csv:
// all rows that were given, people: from the fewest to the most where they are many.
inline const Column kUnusualRowsColumn{"rows", "rows", Align::kLeft, true};

Cell operation_cell(const core::GemmProblem& problem);
Cell groups_cell(const core::GemmProblem& problem);
Cell alignment_cell(const core::GemmProblem& problem);
// `rows`: as core::unusual_rows tells them.
Cell unusual_rows_cell(const core::GemmProblem& problem, const std::string& rows);

}  // namespace deepgemm::app
