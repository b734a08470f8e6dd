#include "autotune/probe.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "autotune/interrupt.h"
#include "tests/autotune/scripted.h"
#include "tests/autotune/shapes.h"

namespace deepgemm::autotune {
namespace {

using core::Contender;
using core::Outcome;

TEST(ProbePoints, FollowTheRowsOfTiles) {
  EXPECT_EQ(probe_points(1), std::vector<std::int64_t>{1});
  EXPECT_EQ(probe_points(200),
            (std::vector<std::int64_t>{1, 2, 4, 8, 16, 24, 32, 40, 48, 56, 64, 99, 192}));
  const std::vector<std::int64_t> points = probe_points(8192);
  EXPECT_TRUE(std::is_sorted(points.begin(), points.end()));
  EXPECT_EQ(std::count(points.begin(), points.end(), 355), 1) << "once 8 % slower than 384";
  EXPECT_EQ(points.back(), 8192 - 29);
  EXPECT_EQ(points.size(), 90u);
}

class ProbeTest : public testing::Test {
 protected:
  core::Cubin cubin(int stages) {
    core::GemmConfig config;
    config.stages = stages;
    return *builder_.build(config).cubin;
  }

  std::vector<core::Trial> run() {
    script_.time_us = [this](Contender, const core::GemmConfig& config) {
      return times_us_.at(config.stages);
    };
    const core::Cubin a = cubin(3);
    const core::Cubin b = cubin(4);
    const core::Cubin c = cubin(5);
    const Returning kernels[] = {
        {Contender::kCandidate, &a}, {Contender::kCandidate, &b}, {Contender::kDefault, &c}};
    return probe(gpu_, shape(64, 2112, 7168), kernels, {}, stop_, deadline_, book_);
  }

  Deadline deadline_;
  ProbeBook book_;

  std::map<int, double> times_us_ = {{3, 10}, {4, 10.5}, {5, 30}};
  scripted::Script script_;
  scripted::Builder builder_{script_};
  scripted::Gpu gpu_{script_};
  std::atomic<bool> stop_{false};
};

TEST_F(ProbeTest, TheSlowAreMeasuredShortlyTheCloseLonger) {
  const std::vector<core::Trial> trials = run();
  ASSERT_EQ(trials.size(), 3u);
  EXPECT_EQ(trials[0].measurement.samples_us.size(), 21u);
  EXPECT_EQ(trials[1].measurement.samples_us.size(), 21u);
  EXPECT_EQ(trials[2].measurement.samples_us.size(), 7u);
  EXPECT_EQ(trials[1].measurement.median_us, 10.5);
  EXPECT_EQ(trials[2].contender, Contender::kDefault);
  EXPECT_EQ(trials[0].kernel_key, cubin(3).key);
  EXPECT_EQ(trials[0].policy, "probe: scripted");
  EXPECT_TRUE(core::is_probe(trials[0]));
  EXPECT_EQ(script_.verifies, 3);
}

TEST_F(ProbeTest, AWrongKernelIsRecordedAsWrong) {
  script_.check = [](Contender, const core::GemmConfig& config) {
    Check check = scripted::passing_check();
    if (config.stages == 3) check.outcome = Outcome::kWrong;
    return check;
  };
  const std::vector<core::Trial> trials = run();
  EXPECT_EQ(trials[0].outcome, Outcome::kWrong);
  EXPECT_TRUE(trials[0].measurement.samples_us.empty());
  EXPECT_EQ(trials[1].measurement.samples_us.size(), 21u);
}

TEST_F(ProbeTest, WhatIsKnownIsToldAtOnceAndNotAskedAgain) {
  std::vector<std::pair<std::string, Outcome>> told;
  book_.record = [&](std::span<const core::Trial> trials) {
    for (const core::Trial& trial : trials) told.emplace_back(trial.kernel_key, trial.outcome);
  };
  const core::Verification known = scripted::passing_check().verification;
  book_.checked = [&](const std::string& key) { return key == cubin(4).key ? &known : nullptr; };
  script_.check = [](Contender, const core::GemmConfig& config) {
    Check check = scripted::passing_check();
    if (config.stages == 5) check.outcome = Outcome::kWrong;
    return check;
  };
  // Nobody waits for the end of the race.
  script_.on_round = [&](Round&) { EXPECT_EQ(told.size(), 2u); };
  run();
  EXPECT_EQ(told,
            (std::vector<std::pair<std::string, Outcome>>{{cubin(3).key, Outcome::kVerified},
                                                          {cubin(5).key, Outcome::kWrong},
                                                          {cubin(3).key, Outcome::kMeasured},
                                                          {cubin(4).key, Outcome::kMeasured}}));
  EXPECT_EQ(script_.verifies, 2);
}

// They are stored in one transaction: the times of half a race would make no fair cost.
TEST_F(ProbeTest, TheTimesOfARaceAreToldTogether) {
  std::vector<std::size_t> measured;
  book_.record = [&](std::span<const core::Trial> trials) {
    const auto is_time = [](const core::Trial& each) { return each.outcome == Outcome::kMeasured; };
    if (std::ranges::any_of(trials, is_time)) measured.push_back(trials.size());
  };
  run();
  EXPECT_EQ(measured, std::vector<std::size_t>{3});
}

TEST_F(ProbeTest, WhoIsFasterThanTheDeviceHasNoTime) {
  times_us_[3] = 0.5;
  const std::vector<core::Trial> trials = run();
  EXPECT_EQ(trials[0].outcome, Outcome::kWrong);
  EXPECT_NE(trials[0].detail.find("no kernel can take less"), std::string::npos);
  EXPECT_TRUE(trials[0].measurement.samples_us.empty());
}

TEST_F(ProbeTest, WhoIsFarAheadOfTheOthersIsCheckedASecondTime) {
  times_us_ = {{3, 7}, {4, 10}, {5, 11}};
  int checks = 0;
  script_.check = [&](Contender, const core::GemmConfig& config) {
    Check check = scripted::passing_check();
    if (config.stages == 3 && ++checks == 2) {
      check.outcome = Outcome::kWrong;
      check.detail = "a tile is missing";
    }
    return check;
  };
  EXPECT_EQ(run()[0].outcome, Outcome::kWrong);
  EXPECT_EQ(script_.verifies, 4);
  checks = 5;  // right each time
  EXPECT_EQ(run()[0].outcome, Outcome::kMeasured);
}

TEST_F(ProbeTest, AStopIsObeyed) {
  stop_ = true;
  EXPECT_THROW(run(), Interrupted);
}

TEST_F(ProbeTest, WhoEndsARoundHasNoTime) {
  for (const int at : {3, 10}) {
    script_.on_round = [&, at](Round& round) {
      if (script_.rounds == at)
        round.casualty = Casualty{1, Outcome::kFaulted, "an illegal address"};
    };
    script_.rounds = 0;
    const std::vector<core::Trial> trials = run();
    EXPECT_EQ(trials[1].outcome, Outcome::kFaulted);
    EXPECT_EQ(trials[1].detail, "an illegal address");
    EXPECT_TRUE(trials[1].measurement.samples_us.empty()) << "0 us is no time";
    EXPECT_EQ(trials[0].measurement.samples_us.size(), 21u);
    EXPECT_EQ(trials[2].measurement.samples_us.size(), 7u);
  }
}

}  // namespace
}  // namespace deepgemm::autotune
