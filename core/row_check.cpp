#include "core/row_check.h"

#include <vector>

#include "core/device_memory.h"
#include "core/driver.h"

namespace deepgemm::core {
namespace {

std::string text(std::int64_t number) { return std::to_string(number); }

std::optional<std::string> why_bad_counts(std::int64_t extent, std::span<const int> counts) {
  for (std::size_t g = 0; g < counts.size(); ++g) {
    if (counts[g] >= 0 && counts[g] <= extent) continue;
    return "group " + std::to_string(g) + " has " + text(counts[g]) +
           " rows, which is not from 0 to row_extent = " + text(extent);
  }
  return std::nullopt;
}

std::optional<std::string> why_bad_map(const GemmProblem& problem, std::span<const int> map) {
  std::vector<bool> seen(static_cast<std::size_t>(problem.groups), false);
  int last = -1;  // the group of the last row that is no padding
  for (std::size_t row = 0; row < map.size(); ++row) {
    const int group = map[row];
    if (group < 0) continue;
    if (group >= problem.groups) {
      return "row " + std::to_string(row) + " belongs to group " + text(group) +
             ", and there are " + text(problem.groups);
    }
    if (group == last) continue;
    if (seen[static_cast<std::size_t>(group)]) {
      return "row " + std::to_string(row) + " belongs to group " + text(group) +
             ", whose other rows lie before those of group " + text(last);
    }
    if (row % static_cast<std::size_t>(problem.alignment) != 0) {
      return "group " + text(group) + " starts at row " + std::to_string(row) +
             ", which is no multiple of the alignment " + text(problem.alignment);
    }
    seen[static_cast<std::size_t>(group)] = true;
    last = group;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> why_bad_rows(const GemmProblem& problem, std::int64_t extent,
                                        std::span<const int> rows) {
  switch (problem.operation) {
    case Operation::kDense:
      break;
    case Operation::kGroupedContiguous:
      return why_bad_map(problem, rows);
    case Operation::kGroupedMasked:
      return why_bad_counts(extent, rows);
  }
  return std::nullopt;
}

std::optional<std::string> why_bad_rows(const GemmProblem& problem, const GemmOperands& operands,
                                        CUstream_st* stream) {
  if (problem.operation == Operation::kDense) return std::nullopt;
  CUstreamCaptureStatus status = CU_STREAM_CAPTURE_STATUS_NONE;
  check(driver().cuStreamIsCapturing(stream, &status), "asking whether a stream is captured");
  if (status != CU_STREAM_CAPTURE_STATUS_NONE) return std::nullopt;
  check(driver().cuStreamSynchronize(stream), "waiting for the rows of a grouped product");
  const bool masked = problem.operation == Operation::kGroupedMasked;
  std::vector<int> rows(static_cast<std::size_t>(masked ? problem.groups : operands.row_extent));
  copy_to_host(rows.data(), operands.rows, rows.size() * sizeof(int));
  return why_bad_rows(problem, operands.row_extent, rows);
}

}  // namespace deepgemm::core
