#include "core/key.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

namespace deepgemm::core {
namespace {

GemmProblem shape(std::int64_t m, std::int64_t n, std::int64_t k) {
  GemmProblem problem;
  problem.m = m;
  problem.n = n;
  problem.k = k;
  return problem;
}

TEST(Key, HoldsEverythingButM) {
  EXPECT_EQ(family_key(shape(64, 2112, 7168), "h100-sxm5"),
            "dense|n=2112|k=7168|groups=1|align=1|1x128_128x128|bf16|h100-sxm5");
  EXPECT_EQ(family_key(shape(1, 2112, 7168), "h20"), family_key(shape(64, 2112, 7168), "h20"));
  EXPECT_NE(family_key(shape(1, 2112, 7168), "h20"), family_key(shape(1, 2112, 7168), "h100-sxm5"));
  EXPECT_NE(family_key(shape(1, 2112, 7168), "h20"), family_key(shape(1, 7168, 2112), "h20"));
}

TEST(Key, HoldsOperationGroupsAndAlignment) {
  GemmProblem problem = shape(64, 4096, 7168);
  problem.operation = Operation::kGroupedContiguous;
  problem.groups = 16;
  problem.alignment = 32;
  EXPECT_EQ(family_key(problem, "h20"),
            "grouped-contiguous|n=4096|k=7168|groups=16|align=32|1x128_128x128|bf16|h20");
}

constexpr std::array<std::int64_t, 3> kTuned{1, 64, 128};

TEST(Key, IntervalsCoverEveryMOnce) {
  EXPECT_EQ(row_interval(kTuned, 0).m_lo, 1);
  EXPECT_EQ(row_interval(kTuned, 0).m_hi, 1);
  EXPECT_EQ(row_interval(kTuned, 1).m_lo, 2);
  EXPECT_EQ(row_interval(kTuned, 1).m_hi, 64);
  EXPECT_EQ(row_interval(kTuned, 2).m_lo, 65);
  EXPECT_EQ(row_interval(kTuned, 2).m_hi, std::numeric_limits<std::int64_t>::max());
}

TEST(Key, FindsTheRowWhoseIntervalHoldsM) {
  for (std::int64_t m = 1; m <= 200; ++m) {
    const auto row = find_row(kTuned, m);
    ASSERT_TRUE(row) << m;
    EXPECT_LE(row_interval(kTuned, *row).m_lo, m);
    EXPECT_GE(row_interval(kTuned, *row).m_hi, m);
  }
  EXPECT_EQ(find_row(kTuned, 64), 1u);
  EXPECT_EQ(find_row(kTuned, 65), 2u);
  EXPECT_EQ(find_row(kTuned, kMaxExtent), 2u);
}

TEST(Key, OneRowAnswersForEverythingAndNoneForNothing) {
  constexpr std::array<std::int64_t, 1> one{4096};
  EXPECT_EQ(row_interval(one, 0).m_lo, 1);
  EXPECT_EQ(find_row(one, 1), 0u);
  EXPECT_EQ(find_row(one, 100000), 0u);
  EXPECT_EQ(find_row({}, 1), std::nullopt);
}

TEST(Key, AFamilyIsNamedWithoutItsM) {
  GemmProblem problem{.m = 64, .n = 2112, .k = 7168};
  EXPECT_EQ(family_text(problem), "2112x7168");
  problem.operation = Operation::kGroupedMasked;
  problem.groups = 64;
  EXPECT_EQ(family_text(problem), "64 groups of 2112x7168, masked");
}

TEST(Key, TheRowIsTheFirstThatIsNotBelowOrTheLast) {
  std::vector<std::int64_t> tuned;
  for (std::int64_t rows = 1; rows <= 40; ++rows) {
    tuned.push_back(3 * rows);
    for (std::int64_t m = 1; m <= 3 * rows + 2; ++m) {
      const std::int64_t expected = std::min((m + 2) / 3, rows) - 1;
      EXPECT_EQ(find_row(tuned, m), static_cast<std::size_t>(expected)) << rows << " " << m;
    }
  }
}

}  // namespace
}  // namespace deepgemm::core
