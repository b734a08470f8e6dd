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
