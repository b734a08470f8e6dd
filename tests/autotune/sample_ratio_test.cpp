#include "autotune/sample_ratio.h"

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

TEST(SampleRatio, NormalQuantilesAreThoseOfTheTables) {
  EXPECT_NEAR(normal_quantile_above(0.5), 0, 1e-9);
  EXPECT_NEAR(normal_quantile_above(0.025), 1.959963985, 1e-8);
  EXPECT_NEAR(normal_quantile_above(0.975), -1.959963985, 1e-8);
  EXPECT_NEAR(normal_quantile_above(0.0005), 3.290526731, 1e-8);
}

TEST(SampleRatio, FollowsTheFormulaWorkedOutByHand) {
  // Nine samples: round(5 - 3) = rank 2, P(at most 1 of 9 heads) = 10 / 512, z = 2.0626.
  std::vector<double> samples;
  for (int i = 1; i <= 9; ++i) samples.push_back(std::exp(0.01 * i));
  const LogRatio change = ratio_of_medians(samples, samples);
  const double of_one_side = (0.08 - 0.02) / (2 * normal_quantile_above(10.0 / 512));
  EXPECT_NEAR(change.standard_error, std::sqrt(2.0) * of_one_side, 1e-12);
  EXPECT_EQ(change.ratio(), 1);
  const Interval interval = change.interval(0.05);
  EXPECT_NEAR(std::log(interval.high), 1.959963985 * change.standard_error, 1e-9);
  EXPECT_NEAR(interval.low * interval.high, 1, 1e-12);
}

TEST(SampleRatio, IsThatOfTheMediansAndKnowsItsDirection) {
  const std::vector<double> before{10, 10, 10, 10, 10, 10, 30};
  const std::vector<double> after{11, 11, 11, 11, 11, 11, 11};
  EXPECT_NEAR(ratio_of_medians(before, after).ratio(), 1.1, 1e-12);
  EXPECT_NEAR(ratio_of_medians(after, before).ratio(), 1 / 1.1, 1e-12);
}

TEST(SampleRatio, IntervalsHoldTheTruthAsOftenAsTheySay) {
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

// --- By rounds ---

std::vector<double> scores(const std::vector<std::vector<double>>& series) {
  return compare_by_rounds(std::vector<std::span<const double>>(series.begin(), series.end()));
}

TEST(CompareByRounds, GivesTheRatioHoweverTheClockDrifts) {
  std::vector<std::vector<double>> series(3);
  for (int round = 0; round < 40; ++round) {
    const double level = 100 * (1 + 0.01 * round);
    for (const double factor : {1.0, 1.002, 0.9}) {
      series[factor == 1.0 ? 0 : factor > 1 ? 1 : 2].push_back(level * factor);
    }
  }
  const std::vector<double> found = scores(series);
  EXPECT_NEAR(std::exp(found[1] - found[0]), 1.002, 1e-9);
  EXPECT_NEAR(std::exp(found[2] - found[0]), 0.9, 1e-9);
}

TEST(CompareByRounds, SeesBelowTheTimersTick) {
  // Their medians may be the same reading: one is a tick less in every other round, one a tick
  // more.
  std::vector<std::vector<double>> series(2);
  for (int round = 0; round < 40; ++round) {
    series[0].push_back(round % 2 == 0 ? 6.048 : 6.080);
    series[1].push_back(round % 2 == 1 ? 6.112 : 6.080);
  }
  const std::vector<double> found = scores(series);
  EXPECT_NEAR(found[1] - found[0], std::log(6.096 / 6.064), 5e-4);
}

TEST(CompareByRounds, LateSamplesCountForNothing) {
  std::vector<std::vector<double>> series(2, std::vector<double>(40, 10.0));
  for (int round = 0; round < 40; round += 5) series[1][static_cast<std::size_t>(round)] = 50;
  const std::vector<double> found = scores(series);
  EXPECT_NEAR(found[1] - found[0], 0, 1e-9);
}

TEST(CompareByRounds, OneContenderAndNone) {
  EXPECT_EQ(scores({{10, 11, 12, 13}}), std::vector<double>{0});
  EXPECT_TRUE(scores({}).empty());
}

TEST(RatioByRounds, IsThatOfTheRoundsWithTheirError) {
  // ln ratios: 8 of +-1 %, whose middle half is +-1 %; by hand: s = 0.0106904, error s / (0.5 *
  // sqrt 8).
  std::vector<double> earlier;
  std::vector<double> later;
  for (int round = 0; round < 8; ++round) {
    earlier.push_back(10.0 + round);
    later.push_back(earlier.back() * std::exp(0.05 + (round % 2 == 0 ? 0.01 : -0.01)));
  }
  const LogRatio found = ratio_by_rounds(earlier, later);
  EXPECT_NEAR(found.log_ratio, 0.05, 1e-12);
  EXPECT_NEAR(found.standard_error, 0.0106904 / (0.5 * std::sqrt(8.0)), 1e-6);
  EXPECT_NEAR(ratio_by_rounds(later, earlier).log_ratio, -0.05, 1e-12);
}

}  // namespace
}  // namespace deepgemm::autotune
