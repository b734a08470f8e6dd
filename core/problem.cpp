#include "core/problem.h"

#include <algorithm>

#include "core/group_rows.h"
#include "kernels/config.h"

namespace deepgemm::core {
namespace {

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

std::optional<std::string> why_illegal_extent(std::string_view which, std::int64_t value,
                                              std::int64_t multiple) {
  // Every call of the runtime library asks: words only where they are needed.
  if (value >= 1 && value <= kMaxExtent && value % multiple == 0) return std::nullopt;
  const std::string text = std::string(which) + " = " + std::to_string(value);
  if (value < 1) return text + " must be at least 1";
  if (value > kMaxExtent) {
    return text + " is larger than " + std::to_string(kMaxExtent) +
           ", the largest extent that 32-bit tile coordinates address";
  }
  return text + " must be a multiple of " + std::to_string(multiple);
}

std::optional<std::string> why_illegal_groups(const GemmProblem& problem) {
  if (problem.operation == Operation::kDense) {
    if (problem.groups != 1) return "groups must be 1 for a dense problem";
  } else if (problem.groups < 1 || problem.groups > kernels::kMaxGroups) {
    return "groups = " + std::to_string(problem.groups) + " must be from 1 to " +
           std::to_string(kernels::kMaxGroups);
  }
  if (problem.operation != Operation::kGroupedContiguous) {
    if (problem.alignment == 1) return std::nullopt;
    return "alignment must be 1 for a " + std::string(name(problem.operation)) + " problem";
  }
  if (std::ranges::find(kAlignments, problem.alignment) != std::end(kAlignments)) {
    return std::nullopt;
  }
  std::string offered;
  for (const int each : kAlignments)
    offered += (offered.empty() ? "" : ", ") + std::to_string(each);
  return "alignment = " + std::to_string(problem.alignment) + " must be one of " + offered;
}

}  // namespace

std::string_view name(Operation operation) {
  switch (operation) {
    case Operation::kDense:
      return "dense";
    case Operation::kGroupedContiguous:
      return "grouped-contiguous";
    case Operation::kGroupedMasked:
      return "grouped-masked";
  }
  return "";
}

int kernel_operation(Operation operation) {
  switch (operation) {
    case Operation::kDense:
      return kernels::kDense;
    case Operation::kGroupedContiguous:
      return kernels::kGroupedContiguous;
    case Operation::kGroupedMasked:
      return kernels::kGroupedMasked;
  }
  return 0;
}

std::string_view name(ScaleRecipe) { return "1x128_128x128"; }

std::string_view name(OutputType) { return "bf16"; }

std::optional<Operation> operation_named(std::string_view text) {
  for (const Operation each :
       {Operation::kDense, Operation::kGroupedContiguous, Operation::kGroupedMasked}) {
    if (text == name(each)) return each;
  }
  return std::nullopt;
}

std::optional<std::string> why_illegal(const GemmProblem& problem) {
  if (auto why = why_illegal_extent("m", problem.m, 1)) return why;
  // n: rows of D must start on 16 bytes for TMA. k: likewise rows of A and B.
  if (auto why = why_illegal_extent("n", problem.n, 8)) return why;
  if (auto why = why_illegal_extent("k", problem.k, 16)) return why;
  if (auto why = why_illegal_groups(problem)) return why;
  if (problem.groups == 1) return std::nullopt;
  // The rows of all groups, of A and of B, are numbered through.
  if (auto why = why_illegal_extent("m times groups", problem.m * problem.groups, 1)) return why;
  return why_illegal_extent("n times groups", problem.n * problem.groups, 1);
}

namespace {

std::string shape_text(const GemmProblem& problem) {
  return std::to_string(problem.m) + "x" + std::to_string(problem.n) + "x" +
         std::to_string(problem.k);
}

}  // namespace

std::string to_string(const GemmProblem& problem) {
  const std::string shape = shape_text(problem);
  const std::string groups =
      std::to_string(problem.groups) + (problem.groups == 1 ? " group of " : " groups of ");
  switch (problem.operation) {
    case Operation::kDense:
      return shape;
    case Operation::kGroupedContiguous:
      return groups + shape + ", contiguous by " + std::to_string(problem.alignment);
    case Operation::kGroupedMasked:
      return groups + shape + ", masked";
  }
  return shape;
}

std::string command_text(const GemmProblem& problem) {
  std::string text = shape_text(problem);
  if (problem.operation == Operation::kDense) return text;
  text += " --op " + std::string(name(problem.operation));
  text += " --groups " + std::to_string(problem.groups);
  if (problem.alignment != usual_alignment(problem.operation)) {
    text += " --alignment " + std::to_string(problem.alignment);
  }
  return text;
}

std::int64_t k_blocks(const GemmProblem& problem) { return ceil_div(problem.k, 128); }

std::int64_t n_blocks(const GemmProblem& problem) { return ceil_div(problem.n, 128); }

double flops(const GemmProblem& problem) { return flops(problem, GroupDraw{}); }

std::int64_t bytes_read(const GemmProblem& problem) { return bytes_read(problem, GroupDraw{}); }

std::int64_t bytes_written(const GemmProblem& problem) {
  return bytes_written(problem, GroupDraw{});
}

std::int64_t bytes_moved(const GemmProblem& problem) {
  return bytes_read(problem) + bytes_written(problem);
}

}  // namespace deepgemm::core
