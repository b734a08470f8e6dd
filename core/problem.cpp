#include "core/problem.h"

#include <array>

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
  if (problem.operation == Operation::kDense) {
    if (problem.groups != 1) return "groups must be 1 for a dense problem";
  } else if (problem.groups < 1 || problem.groups > kernels::kMaxGroups) {
    return "groups = " + std::to_string(problem.groups) + " must be from 1 to " +
           std::to_string(kernels::kMaxGroups);
  }
  return std::nullopt;
}

std::string to_string(const GemmProblem& problem) {
  return std::to_string(problem.m) + "x" + std::to_string(problem.n) + "x" +
         std::to_string(problem.k);
}

std::int64_t k_blocks(const GemmProblem& problem) { return ceil_div(problem.k, 128); }

std::int64_t n_blocks(const GemmProblem& problem) { return ceil_div(problem.n, 128); }

std::int64_t scale_a_stride(const GemmProblem& problem) { return ceil_div(problem.m, 4) * 4; }

double flops(const GemmProblem& problem) {
  return 2.0 * static_cast<double>(problem.m) * static_cast<double>(problem.n) *
         static_cast<double>(problem.k);
}

std::int64_t bytes_read(const GemmProblem& problem) {
  const std::int64_t operands = (problem.m + problem.n) * problem.k;
  const std::int64_t scales = 4 * k_blocks(problem) * (problem.m + n_blocks(problem));
  return operands + scales;
}

std::int64_t bytes_written(const GemmProblem& problem) { return 2 * problem.m * problem.n; }

std::int64_t bytes_moved(const GemmProblem& problem) {
  return bytes_read(problem) + bytes_written(problem);
}

std::int64_t workspace_bytes(const GemmProblem& problem, std::int64_t flush_bytes) {
  // cuBLASLt's scratch, guards, statistics and the context itself.
  constexpr std::int64_t kFixedBytes = std::int64_t{1} << 30;
  return bytes_moved(problem) + 2 * (problem.m + 3) * problem.n + flush_bytes + kFixedBytes;
}

}  // namespace deepgemm::core
