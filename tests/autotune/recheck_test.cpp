#include "autotune/recheck.h"

#include <gtest/gtest.h>

#include <iterator>
#include <random>

#include "autotune/interrupt.h"
#include "core/error.h"
#include "tests/autotune/scripted.h"
#include "tests/autotune/shapes.h"

namespace deepgemm::autotune {
namespace {

using core::Contender;

class RecheckTest : public testing::Test {
 protected:
  RecheckTest() {
    script_.time_us = [this](Contender, const core::GemmConfig& config) {
      return times_us_.at(config.stages);
    };
  }

  core::Cubin cubin(int stages) {
    core::GemmConfig config;
    config.stages = stages;
    return *builder_.build(config).cubin;
  }

  // Winner, runner-up and default are told apart by their stages: 5, 4, 3.
  Recheck run() {
    const core::Cubin winner = cubin(5);
    const core::Cubin runner_up = cubin(4);
    const core::Cubin fallback = cubin(3);
    const Returning kernels[] = {{Contender::kCandidate, &winner},
                                 {Contender::kCandidate, &runner_up},
                                 {Contender::kDefault, &fallback}};
    return recheck(gpu_, shape(64, 2112, 7168), {}, kernels, options_, stop_);
  }

  void fail(int stages, const std::string& why) {
    script_.check = [=](Contender, const core::GemmConfig& config) {
      Check check = scripted::passing_check();
      if (config.stages != stages) return check;
      check.outcome = core::Outcome::kWrong;
      check.detail = why;
      return check;
    };
  }

  std::map<int, double> times_us_ = {{5, 10}, {4, 10.5}, {3, 12}};
  RecheckOptions options_;
  scripted::Script script_;
  scripted::Builder builder_{script_};
  scripted::Gpu gpu_{script_};
  std::atomic<bool> stop_{false};
};

TEST_F(RecheckTest, AWinnerThatStillLeadsHolds) {
  const Recheck result = run();
  EXPECT_EQ(result.verdict, RowVerdict::kHolds);
  EXPECT_EQ(result.why, "");
  EXPECT_NEAR(result.over_rival, 10 / 10.5, 1e-9);
  ASSERT_EQ(result.entries.size(), 3u);
  for (const BenchmarkEntry& each : result.entries) {
    EXPECT_EQ(each.measurement.samples_us.size(), 7u);
  }
  EXPECT_EQ(script_.verifies, 3);
  EXPECT_EQ(script_.rounds, 7) << "what is clear is not measured on";
}

TEST_F(RecheckTest, JustBelowTheThresholdHoldsAndAtItDrifts) {
  times_us_ = {{5, 10.29}, {4, 10}, {3, 12}};
  EXPECT_EQ(run().verdict, RowVerdict::kHolds);
  times_us_ = {{5, 10.30001}, {4, 10}, {3, 12}};
  const Recheck result = run();
  EXPECT_EQ(result.verdict, RowVerdict::kDrifted);
  EXPECT_EQ(result.why, "3.0 % behind the runner-up");
}

TEST_F(RecheckTest, TheDefaultCountsAsARival) {
  times_us_ = {{5, 10}, {4, 10}, {3, 9}};
  const Recheck result = run();
  EXPECT_EQ(result.verdict, RowVerdict::kDrifted);
  EXPECT_EQ(result.why, "11.1 % behind the default");
}

TEST_F(RecheckTest, WhatLiesWithinTheNoiseIsMeasuredOnAndHolds) {
  // 4 % behind in the median, while one sample of each scatters by 20 %.
  times_us_ = {{5, 10.4}, {4, 10}, {3, 12}};
  std::minstd_rand random;
  script_.on_round = [&random](Round& round) {
    const double sway[] = {0.8, 1.2, 1.0, 1.15, 0.85, 1.1, 0.9};
    for (double& time_us : round.times_us) time_us *= sway[random() % std::size(sway)];
  };
  EXPECT_EQ(run().verdict, RowVerdict::kHolds);
  EXPECT_EQ(script_.rounds, options_.max_rounds);
}

TEST_F(RecheckTest, WrongNumbersOfTheWinnerAreWrongAndNothingIsTimed) {
  fail(5, "it differs from cublaslt-block by 1.0e-01");
  const Recheck result = run();
  EXPECT_EQ(result.verdict, RowVerdict::kWrong);
  EXPECT_EQ(result.why, "it differs from cublaslt-block by 1.0e-01");
  EXPECT_EQ(script_.rounds, 0);
}

TEST_F(RecheckTest, AWrongRivalIsLeftOutAndNamed) {
  times_us_ = {{5, 10}, {4, 5}, {3, 12}};
  fail(4, "a second run gave other bits");
  const Recheck result = run();
  EXPECT_EQ(result.verdict, RowVerdict::kHolds);
  EXPECT_EQ(result.why, "the runner-up did not race: a second run gave other bits");
}

TEST_F(RecheckTest, AWinnerTheDriverRefusesIsWrong) {
  script_.admit_failure = [](Contender, const core::GemmConfig& config) {
    return config.stages == 5 ? "the driver refuses it" : "";
  };
  EXPECT_EQ(run().verdict, RowVerdict::kWrong);
}

TEST_F(RecheckTest, AWinnerWithoutRivalsHolds) {
  const core::Cubin winner = cubin(5);
  const Returning alone[] = {{Contender::kDefault, &winner}};
  const Recheck result = recheck(gpu_, shape(64, 2112, 7168), {}, alone, options_, stop_);
  EXPECT_EQ(result.verdict, RowVerdict::kHolds);
  EXPECT_EQ(result.over_rival, 0);
  EXPECT_EQ(result.why, "nothing raced against it: no rival is stored");
}

TEST_F(RecheckTest, AStopIsObeyed) {
  stop_ = true;
  EXPECT_THROW(run(), Interrupted);
}

TEST_F(RecheckTest, WhoEndsARoundIsOut) {
  int falls = 0;  // the winner
  script_.on_round = [&](Round& round) {
    if (script_.rounds == 2) round.casualty = Casualty{falls, core::Outcome::kHung, "it hung"};
  };
  Recheck result = run();
  EXPECT_EQ(result.verdict, RowVerdict::kWrong);
  EXPECT_EQ(result.why, "it hung");
  falls = 1;
  script_.rounds = 0;
  times_us_ = {{5, 10}, {4, 5}, {3, 12}};
  result = run();
  EXPECT_EQ(result.verdict, RowVerdict::kHolds);
  EXPECT_EQ(result.why, "the runner-up did not race: it hung");
  EXPECT_TRUE(result.entries[1].measurement.samples_us.empty());
}

TEST_F(RecheckTest, AWinnerThatTakesTheGpuAlongIsWrong) {
  const core::EnvironmentError gone("there is no GPU any more", "");
  fail(5, "the GPU stopped it");
  script_.on_verify = [&] {
    if (script_.verifies == 1) throw gone;
  };
  Recheck result = run();
  EXPECT_EQ(result.verdict, RowVerdict::kWrong);
  EXPECT_EQ(result.why, "the GPU stopped it");
  // Likewise in a race.
  script_.check = nullptr;
  script_.on_verify = nullptr;
  script_.on_round = [&](Round& round) {
    if (script_.rounds == 3) throw gone;
    if (script_.rounds == 2) round.casualty = Casualty{0, core::Outcome::kHung, "it hung"};
  };
  result = run();
  EXPECT_EQ(result.verdict, RowVerdict::kWrong);
  EXPECT_EQ(result.why, "it hung");
}

TEST_F(RecheckTest, AGpuThatIsGoneBeforeTheWinnerFailedIsNoVerdict) {
  const core::EnvironmentError gone("there is no GPU any more", "");
  script_.on_verify = [&] {
    if (script_.verifies == 1) throw gone;
  };
  EXPECT_THROW(run(), core::EnvironmentError);
  script_.on_verify = nullptr;
  script_.on_round = [&](Round&) { throw gone; };
  EXPECT_THROW(run(), core::EnvironmentError);
}

TEST_F(RecheckTest, ARematchNamesWhoEndsARound) {
  script_.on_round = [&](Round& round) {
    if (script_.rounds == 2) round.casualty = Casualty{0, core::Outcome::kHung, "it hung"};
  };
  const core::Cubin a = cubin(5);
  const core::Cubin b = cubin(4);
  const Returning kernels[] = {{Contender::kCandidate, &a}, {Contender::kCandidate, &b}};
  core::GemmProblem problem = shape(64, 2112, 7168);
  problem.operation = core::Operation::kGroupedMasked;
  problem.groups = 4;
  const auto entries = rematch(gpu_, problem, {.skew = core::Skew::kZipf}, kernels, 9, stop_);
  EXPECT_EQ(entries[0].failure, "it hung");
  EXPECT_TRUE(entries[0].measurement.samples_us.empty());
  EXPECT_EQ(entries[1].measurement.samples_us.size(), 9u);
  EXPECT_EQ(script_.prepared.skew, core::Skew::kZipf);
}

}  // namespace
}  // namespace deepgemm::autotune
