#include "autotune/median_ratio.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace deepgemm::autotune {
namespace {

// Times as a GPU gives them: a narrow body and a tail of late ones.
std::vector<double> draw(std::mt19937& generator, int count, double median_us) {
  std::normal_distribution<double> body(0, 0.01);
  std::exponential_distribution<double> tail(20);
  std::bernoulli_distribution late(0.1);
  std::vector<double> samples;
  for (int i = 0; i < count; ++i) {
    samples.push_back(median_us *
                      std::exp(body(generator) + (late(generator) ? tail(generator) : 0)));
  }
  return samples;
}

TEST(MedianRatio, NormalQuantilesAreThoseOfTheTables) {
  EXPECT_NEAR(normal_quantile_above(0.5), 0, 1e-9);
  EXPECT_NEAR(normal_quantile_above(0.025), 1.959963985, 1e-8);
  EXPECT_NEAR(normal_quantile_above(0.975), -1.959963985, 1e-8);
  EXPECT_NEAR(normal_quantile_above(0.0005), 3.290526731, 1e-8);
}

TEST(MedianRatio, FollowsTheFormulaWorkedOutByHand) {
  // Nine samples: round(5 - 3) = rank 2, P(at most 1 of 9 heads) = 10 / 512, z = 2.0626.
  std::vector<double> samples;
  for (int i = 1; i <= 9; ++i) samples.push_back(std::exp(0.01 * i));
  const MedianRatio change = ratio_of_medians(samples, samples);
  const double of_one_side = (0.08 - 0.02) / (2 * normal_quantile_above(10.0 / 512));
  EXPECT_NEAR(change.standard_error, std::sqrt(2.0) * of_one_side, 1e-12);
  EXPECT_EQ(change.ratio(), 1);
  const Interval interval = change.interval(0.05);
  EXPECT_NEAR(std::log(interval.high), 1.959963985 * change.standard_error, 1e-9);
  EXPECT_NEAR(interval.low * interval.high, 1, 1e-12);
}

TEST(MedianRatio, IsThatOfTheMediansAndKnowsItsDirection) {
  const std::vector<double> before{10, 10, 10, 10, 10, 10, 30};
  const std::vector<double> after{11, 11, 11, 11, 11, 11, 11};
  EXPECT_NEAR(ratio_of_medians(before, after).ratio(), 1.1, 1e-12);
  EXPECT_NEAR(ratio_of_medians(after, before).ratio(), 1 / 1.1, 1e-12);
}

TEST(MedianRatio, IntervalsHoldTheTruthAsOftenAsTheySay) {
  std::mt19937 generator(7);
  constexpr int kTrials = 2000;
  int held = 0;
  for (int i = 0; i < kTrials; ++i) {
    const auto before = draw(generator, 30, 10);
    const auto after = draw(generator, 30, 10.5);
    const Interval interval = ratio_of_medians(before, after).interval(0.05);
    held += interval.low <= 1.05 && 1.05 <= interval.high;
  }
  EXPECT_GE(held, kTrials * 93 / 100);
  EXPECT_LE(held, kTrials * 99 / 100);
}

}  // namespace
}  // namespace deepgemm::autotune
