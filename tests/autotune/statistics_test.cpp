#include "autotune/statistics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "tests/autotune/shapes.h"

namespace deepgemm::autotune {
namespace {

std::vector<double> one_to(int n) {
  std::vector<double> samples(static_cast<std::size_t>(n));
  std::iota(samples.begin(), samples.end(), 1.0);
  std::reverse(samples.begin(), samples.end());
  return samples;
}

TEST(Statistics, QuantilesLieBetweenNeighbours) {
  EXPECT_DOUBLE_EQ(median(one_to(5)), 3);
  EXPECT_DOUBLE_EQ(median(one_to(4)), 2.5);
  EXPECT_DOUBLE_EQ(quantile(one_to(5), 0.25), 2);
  EXPECT_DOUBLE_EQ(quantile(one_to(4), 0.25), 1.75);
  EXPECT_DOUBLE_EQ(quantile(one_to(4), 0), 1);
  EXPECT_DOUBLE_EQ(quantile(one_to(4), 1), 4);
  EXPECT_DOUBLE_EQ(median(one_to(1)), 1);
}

// Ranks from tables of the binomial: n, d.
TEST(Statistics, MedianIntervalIsThatOfTheSignTest) {
  const std::pair<int, int> table[] = {{6, 1},  {8, 1},   {9, 2},   {12, 3},  {15, 4},
                                       {20, 6}, {30, 10}, {50, 18}, {100, 40}};
  for (const auto& [n, rank] : table) {
    const Interval interval = median_interval(one_to(n));
    EXPECT_DOUBLE_EQ(interval.low, rank) << n;
    EXPECT_DOUBLE_EQ(interval.high, n + 1 - rank) << n;
  }
}

TEST(Statistics, FewSamplesGiveTheirWholeRange) {
  for (int n = 1; n <= 5; ++n) {
    EXPECT_DOUBLE_EQ(median_interval(one_to(n)).low, 1);
    EXPECT_DOUBLE_EQ(median_interval(one_to(n)).high, n);
  }
}

TEST(Statistics, ManySamplesDoNotUnderflow) {
  const Interval interval = median_interval(one_to(5001));
  EXPECT_NEAR(interval.low, 2501 - 0.98 * 70.7, 2);
  EXPECT_DOUBLE_EQ(interval.low + interval.high, 5002);
}

TEST(Statistics, SummaryKeepsTheOrderOfSamples) {
  const core::Measurement m = summarise({5, 1, 4, 2, 3});
  EXPECT_EQ(m.samples_us, (std::vector<double>{5, 1, 4, 2, 3}));
  EXPECT_DOUBLE_EQ(m.median_us, 3);
  EXPECT_DOUBLE_EQ(m.spread_us, 1);
  EXPECT_DOUBLE_EQ(m.ci_low_us, 1);
  EXPECT_DOUBLE_EQ(m.ci_high_us, 5);
  EXPECT_EQ(summarise({}).median_us, 0);
}

TEST(Statistics, FasterNeedsBothAGapAndSeparateIntervals) {
  EXPECT_TRUE(clearly_faster(measured(10, 0.1), measured(11, 0.1)));
  EXPECT_FALSE(clearly_faster(measured(11, 0.1), measured(10, 0.1)));
  EXPECT_FALSE(clearly_faster(measured(10, 3), measured(11, 3))) << "intervals overlap";
  EXPECT_FALSE(clearly_faster(measured(10), measured(10.05))) << "less than the noise share";
  EXPECT_TRUE(clearly_faster(measured(10, 0.01), measured(10.12, 0.01)));
  EXPECT_FALSE(clearly_faster(measured(10, 0.01), measured(10.12, 0.01), 0.015));
  EXPECT_FALSE(clearly_faster(measured(10), core::Measurement{}));
  EXPECT_FALSE(clearly_faster(core::Measurement{}, measured(10)));
}

}  // namespace
}  // namespace deepgemm::autotune
