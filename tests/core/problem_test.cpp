#include "core/problem.h"

#include <gtest/gtest.h>

namespace deepgemm::core {
namespace {

GemmProblem shape(std::int64_t m, std::int64_t n, std::int64_t k) {
  GemmProblem problem;
  problem.m = m;
  problem.n = n;
  problem.k = k;
  return problem;
}

TEST(Problem, SmallestAndLargestShapesAreLegal) {
  EXPECT_EQ(why_illegal(shape(1, 8, 16)), std::nullopt);
  EXPECT_EQ(why_illegal(shape(kMaxExtent, 8, 16)), std::nullopt);
  EXPECT_EQ(why_illegal(shape(64, 2112, 7168)), std::nullopt);
}

struct BrokenRule {
  GemmProblem problem;
  std::string says;
};

TEST(Problem, EachBrokenRuleIsSaidWithItsValue) {
  const BrokenRule cases[] = {
      {shape(0, 8, 16), "m = 0 must be at least 1"},
      {shape(-4, 8, 16), "m = -4 must be at least 1"},
      {shape(1, 12, 16), "n = 12 must be a multiple of 8"},
      {shape(1, 8, 17), "k = 17 must be a multiple of 16"},
      {shape(1, 0, 16), "n = 0 must be at least 1"},
  };
  for (const BrokenRule& each : cases) {
    EXPECT_EQ(why_illegal(each.problem), each.says) << to_string(each.problem);
  }
  const auto too_large = why_illegal(shape(kMaxExtent + 1, 8, 16));
  ASSERT_TRUE(too_large);
  EXPECT_NE(too_large->find(std::to_string(kMaxExtent + 1)), std::string::npos);
}

TEST(Problem, DenseHasOneGroup) {
  GemmProblem problem = shape(1, 8, 16);
  problem.groups = 2;
  EXPECT_TRUE(why_illegal(problem));
}

GemmProblem grouped(Operation operation, int groups, int alignment) {
  GemmProblem problem = shape(64, 4096, 7168);
  problem.operation = operation;
  problem.groups = groups;
  problem.alignment = alignment;
  return problem;
}

TEST(Problem, GroupedProblemsKeepTheirRules) {
  constexpr auto kContiguous = Operation::kGroupedContiguous;
  constexpr auto kMasked = Operation::kGroupedMasked;
  for (const int alignment : kAlignments) {
    EXPECT_EQ(why_illegal(grouped(kContiguous, 512, alignment)), std::nullopt);
  }
  EXPECT_EQ(why_illegal(grouped(kMasked, 1, 1)), std::nullopt);
  EXPECT_EQ(why_illegal(grouped(kMasked, 0, 1)), "groups = 0 must be from 1 to 512");
  EXPECT_EQ(why_illegal(grouped(kMasked, 513, 1)), "groups = 513 must be from 1 to 512");
  EXPECT_EQ(why_illegal(grouped(kMasked, 8, 128)),
            "alignment must be 1 for a grouped-masked problem");
  EXPECT_EQ(why_illegal(grouped(kContiguous, 8, 2)),
            "alignment = 2 must be one of 4, 8, 16, 32, 64, 128");
  GemmProblem large = grouped(kContiguous, 4, 128);
  large.m = kMaxExtent / 2;
  EXPECT_EQ(why_illegal(large)->substr(0, 14), "m times groups");
}

TEST(Problem, GroupedProblemsAreToldInWordsAndAsArguments) {
  const GemmProblem masked = grouped(Operation::kGroupedMasked, 32, 1);
  EXPECT_EQ(to_string(masked), "32 groups of 64x4096x7168, masked");
  EXPECT_EQ(command_text(masked), "64x4096x7168 --op grouped-masked --groups 32");
  const GemmProblem tight = grouped(Operation::kGroupedContiguous, 1, 16);
  EXPECT_EQ(to_string(tight), "1 group of 64x4096x7168, contiguous by 16");
  EXPECT_EQ(command_text(tight), "64x4096x7168 --op grouped-contiguous --groups 1 --alignment 16");
  EXPECT_EQ(command_text(shape(5, 136, 144)), "5x136x144");
}

TEST(Problem, DerivedFigures) {
  const GemmProblem problem = shape(5, 136, 144);
  EXPECT_EQ(to_string(problem), "5x136x144");
  EXPECT_EQ(k_blocks(problem), 2);
  EXPECT_EQ(n_blocks(problem), 2);
  EXPECT_EQ(scale_a_stride(problem), 8);
  EXPECT_DOUBLE_EQ(flops(problem), 2.0 * 5 * 136 * 144);
  // A and B, their scales, D.
  EXPECT_EQ(bytes_moved(problem), (5 + 136) * 144 + 4 * 2 * (5 + 2) + 2 * 5 * 136);
}

TEST(Problem, OperationsAreNamedBothWays) {
  for (const Operation each :
       {Operation::kDense, Operation::kGroupedContiguous, Operation::kGroupedMasked}) {
    EXPECT_EQ(operation_named(name(each)), each);
  }
  EXPECT_EQ(operation_named("sparse"), std::nullopt);
}

}  // namespace
}  // namespace deepgemm::core
