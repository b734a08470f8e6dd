#include "autotune/race.h"

#include <gtest/gtest.h>

#include <map>
#include <utility>
#include <vector>

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
      << "the order of a round must not mix up who is who";
  EXPECT_EQ(race_.measurement(ours).sm_clock_mhz, 1755);
}

// What a kernel leaves behind falls on all others alike.
TEST_F(RaceTest, EachRunsBehindEachOtherEquallyOften) {
  std::vector<std::vector<int>> rounds;
  script_.on_round_of = [&](const std::vector<core::GemmConfig>& runs) {
    rounds.emplace_back();
    for (const core::GemmConfig& config : runs) rounds.back().push_back(config.block_n / 8 - 1);
  };
  std::vector<int> ids;
  for (int count = 1; count <= 9; ++count) {
    core::Cubin cubin;
    cubin.config.block_n = 8 * count;
    ids.push_back(bench_.admit(Contender::kCandidate, &cubin).id);
    rounds.clear();
    Race race(bench_, stop_);
    for (const int id : ids) race.enter(id);
    race.run(2 * count);
    std::map<std::pair<int, int>, int> behind;
    std::map<int, int> first;
    for (const std::vector<int>& round : rounds) {
      ASSERT_EQ(static_cast<int>(round.size()), count);
      ++first[round.front()];
      for (std::size_t i = 1; i < round.size(); ++i) ++behind[{round[i], round[i - 1]}];
    }
    for (int one = 0; one < count; ++one) {
      EXPECT_EQ(first[one], 2) << one << " of " << count;
      for (int other = 0; other < count; ++other) {
        const int expected = one == other ? 0 : 2;
        EXPECT_EQ((behind[{one, other}]), expected)
            << one << " behind " << other << " of " << count;
      }
    }
  }
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
