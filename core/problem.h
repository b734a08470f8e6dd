// What the user wants computed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

namespace deepgemm::core {

// Grouped-contiguous: the rows of all groups lie one group behind the other. Grouped-masked: each
// group has the same number of rows, of which only the GPU knows how many are used.
enum class Operation { kDense, kGroupedContiguous, kGroupedMasked };

// 1x128 scales of A, 128x128 scales of B, both fp32.
enum class ScaleRecipe { k1x128With128x128 };

enum class OutputType { kBf16 };

std::string_view name(Operation operation);  // "dense", "grouped-contiguous", "grouped-masked"
std::string_view name(ScaleRecipe recipe);   // "1x128_128x128"
std::string_view name(OutputType type);      // "bf16"
std::optional<Operation> operation_named(std::string_view text);
// GemmConfig::operation of its kernels.
int kernel_operation(Operation operation);

// D[m, n] = sum over k of scaled A[m, k] * B[n, k]; layouts in kernels/dense.cuh. A grouped problem
// has a B for each group; its m is the number of rows that are expected of a group. How many each
// one really has is no part of the problem (core/group_rows.h).
struct GemmProblem {
  Operation operation = Operation::kDense;
  std::int64_t m = 0;
  std::int64_t n = 0;
  std::int64_t k = 0;
  int groups = 1;
  ScaleRecipe recipe = ScaleRecipe::k1x128With128x128;
  OutputType output = OutputType::kBf16;
  // Grouped-contiguous: each group's rows start at a multiple of it, one of kAlignments. Else 1.
  int alignment = 1;

  friend bool operator==(const GemmProblem&, const GemmProblem&) = default;
};

// A key to sort problems by: those that share everything but m lie side by side, m ascending.
inline auto order(const GemmProblem& problem) {
  return std::tuple(problem.operation, problem.groups, problem.alignment, problem.recipe,
                    problem.output, problem.n, problem.k, problem.m);
}

// What grouped-contiguous offers. Below 4 rows a box of A's scales would not start on 16 bytes.
inline constexpr int kAlignments[] = {4, 8, 16, 32, 64, 128};
// Where nobody says another.
inline constexpr int kUsualAlignment = 128;
constexpr int usual_alignment(Operation operation) {
  return operation == Operation::kGroupedContiguous ? kUsualAlignment : 1;
}

// Largest legal m, n and k: tile and TMA coordinates are 32-bit and byte counts must fit 64 bits.
inline constexpr std::int64_t kMaxExtent = std::int64_t{1} << 30;

// The rule that `problem` breaks, as a sentence with the offending value; nullopt if it is legal.
std::optional<std::string> why_illegal(const GemmProblem& problem);

// "64x2112x7168"; "32 groups of 64x4096x7168, masked"; "16 groups of 512x4096x7168, contiguous by
// 128".
std::string to_string(const GemmProblem& problem);
// The same as the commands take it: "64x4096x7168 --op grouped-masked --groups 32".
std::string command_text(const GemmProblem& problem);

std::int64_t k_blocks(const GemmProblem& problem);  // ceil(k / 128)
std::int64_t n_blocks(const GemmProblem& problem);  // ceil(n / 128)
// Leading dimension of the M-major scales of A with so many rows, in floats: aligned to 16 bytes.
constexpr std::int64_t scale_a_stride(std::int64_t rows) { return (rows + 3) / 4 * 4; }
inline std::int64_t scale_a_stride(const GemmProblem& problem) { return scale_a_stride(problem.m); }

// Of a grouped problem the next four take the rows of the even draw (core/group_rows.h), where the
// overloads for other rows are.
double flops(const GemmProblem& problem);                // 2 m n k
std::int64_t bytes_read(const GemmProblem& problem);     // operands and scales, each once
std::int64_t bytes_written(const GemmProblem& problem);  // D
// The sum of both.
std::int64_t bytes_moved(const GemmProblem& problem);

}  // namespace deepgemm::core
