#include "autotune/race.h"

#include <gtest/gtest.h>

#include "tests/autotune/scripted.h"
#include "tests/autotune/shapes.h"

namespace deepgemm::autotune {
namespace {

using core::Contender;

class RaceTest : public testing::Test {
 protected:
  RaceTest() {
    script_.time_us = [](Contender contender, const core::GemmConfig&) {
      return contender == Contender::kCublasLtBlock ? 20.0 : 10.0;
    };
  }

  std::size_t enter(Contender contender) {
    return race_.enter(bench_.admit(contender, nullptr).id);
  }

  scripted::Script script_;
  scripted::Bench bench_{script_, shape(64, 2112, 7168)};
  std::atomic<bool> stop_{false};
  Race race_{bench_, stop_};
};

TEST_F(RaceTest, EachRoundSamplesEveryRunnerOnce) {
  const std::size_t ours = enter(Contender::kCandidate);
  const std::size_t library = enter(Contender::kCublasLtBlock);
  race_.run(7);
  EXPECT_EQ(race_.rounds_done(), 7);
  EXPECT_EQ(race_.measurement(ours).samples_us, std::vector<double>(7, 10));
  EXPECT_EQ(race_.measurement(library).samples_us, std::vector<double>(7, 20))
      << "rotation must not mix up who is who";
  EXPECT_EQ(race_.measurement(ours).sm_clock_mhz, 1755);
}

TEST_F(RaceTest, NobodyAlwaysRunsBehindTheSame) {
  std::vector<double> first;
  script_.on_round = [&](Round& round) { first.push_back(round.times_us.front()); };
  enter(Contender::kCandidate);
  enter(Contender::kCublasLtBlock);
  race_.run(4);
  EXPECT_EQ(first, (std::vector<double>{10, 20, 10, 20}));
}

TEST_F(RaceTest, WhoLeftKeepsItsSamples) {
  const std::size_t ours = enter(Contender::kCandidate);
  const std::size_t library = enter(Contender::kCublasLtBlock);
  race_.run(5);
  race_.leave(ours);
  race_.run(5);
  EXPECT_FALSE(race_.racing(ours));
  EXPECT_EQ(race_.measurement(ours).samples_us.size(), 5u);
  EXPECT_EQ(race_.measurement(library).samples_us.size(), 10u);
}

TEST_F(RaceTest, SlowedRoundsDoNotCount) {
  script_.on_round = [&](Round& round) { round.slowed = script_.rounds % 2 == 1; };
  const std::size_t ours = enter(Contender::kCandidate);
  race_.run(6);
  EXPECT_EQ(race_.measurement(ours).samples_us.size(), 6u);
  EXPECT_EQ(race_.measurement(ours).rejected_samples, 6);
}

TEST_F(RaceTest, AGpuThatNeverLeavesSlowDownStillGetsItsAnswer) {
  script_.on_round = [](Round& round) { round.slowed = true; };
  const std::size_t ours = enter(Contender::kCandidate);
  race_.run(5);
  EXPECT_EQ(race_.measurement(ours).samples_us.size(), 5u);
  EXPECT_EQ(race_.measurement(ours).rejected_samples, Race::kMostRejected);
}

TEST_F(RaceTest, StopsBetweenRounds) {
  script_.on_round = [&](Round&) { stop_ = script_.rounds == 3; };
  const std::size_t ours = enter(Contender::kCandidate);
  EXPECT_THROW(race_.run(10), Interrupted);
  EXPECT_EQ(race_.measurement(ours).samples_us.size(), 3u);
}

TEST_F(RaceTest, ADeadlineEndsItEarly) {
  enter(Contender::kCandidate);
  race_.run(10, Deadline(Deadline::Clock::now() - std::chrono::seconds(1), 0.5));
  EXPECT_EQ(race_.rounds_done(), 0);
}

}  // namespace
}  // namespace deepgemm::autotune
