// The same command, again and again: it comes to an end, and to everyone on the way.
#include <set>
#include <thread>

#include "tests/autotune/tuning.h"

namespace deepgemm::autotune {
namespace {

using core::Contender;
using core::Outcome;

class RepeatTest : public TuningTest {
 protected:
  std::size_t measured() const {
    std::set<std::string> configs;
    for (const core::Trial& each : rows(Outcome::kMeasured)) {
      if (each.contender == Contender::kCandidate) configs.insert(core::to_string(each.config));
    }
    return configs.size();
  }

  // Whether a note holds `text`.
  bool was_told(const std::string& text) const {
    return std::ranges::any_of(
        notes_, [&](const std::string& note) { return note.find(text) != std::string::npos; });
  }

  // As if `config` had ended its process for another shape.
  void lose_elsewhere(const core::GemmConfig& config) {
    core::Trial lost;
    lost.problem = shape(576, 4096, 7168);
    lost.config = config;
    lost.outcome = Outcome::kWorkerLost;
    store_.record(lost, script_.environment);
  }
};

TEST_F(RepeatTest, SmallBudgetsComeToEveryCandidateAndThenOneDecides) {
  const std::size_t all = candidates().size();
  script_.time_us = [](Contender, const core::GemmConfig&) { return 20.0; };
  // Finals, which alone have libraries, never end: nothing is decided.
  script_.on_sample = [](Contender contender, const core::GemmConfig&) {
    if (contender == Contender::kCublasLtBlock) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  };
  options_.budget_seconds = 0.3;
  constexpr int kMostCalls = 40;  // where the machine is busy, one may do nothing
  for (int call = 0; call < kMostCalls && measured() < all; ++call) {
    build_in_time(8);
    const TuneResult result = tune();
    ASSERT_TRUE(result.winner);
    EXPECT_FALSE(result.resumed);
  }
  EXPECT_EQ(measured(), all);
  script_.on_build = nullptr;
  script_.on_sample = nullptr;
  options_.budget_seconds = 60;
  const TuneResult last = tune();
  EXPECT_FALSE(last.resumed);
  EXPECT_TRUE(core::is_decided(*last.winner)) << last.winner->reason;
  EXPECT_TRUE(tune().resumed);
}

// Those of an earlier call without a final race behind what is new; without them none is whole.
TEST_F(RepeatTest, NothingIsDecidedBeforeAllThatMayBeTheFastestRan) {
  script_.time_us = [](Contender, const core::GemmConfig&) { return 20.0; };
  interrupt_before_the_final();
  options_.effort = Effort::kDefault;
  build_in_time(30);
  const TuneResult result = tune_within(
      1, [this, before = script_.builds.load()] { return script_.builds >= before + 30; });
  ASSERT_TRUE(result.winner);
  EXPECT_FALSE(core::is_decided(*result.winner)) << result.winner->reason;
}

TEST_F(RepeatTest, WhereAllWasTriedNothingIsDecidedEitherBeforeThoseRan) {
  script_.time_us = [](Contender, const core::GemmConfig&) { return 20.0; };
  interrupt_before_the_final();
  build_in_time(3);
  const TuneResult result =
      tune_within(1, [this, before = script_.rounds] { return script_.rounds >= before + 30; });
  ASSERT_TRUE(result.winner);
  EXPECT_FALSE(core::is_decided(*result.winner)) << result.winner->reason;
  script_.on_build = nullptr;
  EXPECT_TRUE(core::is_decided(*tune().winner));
}

TEST_F(RepeatTest, WhatAnInterruptedCallAddedToADecidedRowRacesAgain) {
  script_.time_us = [](Contender, const core::GemmConfig&) { return 20.0; };
  const TuneResult decided = tune();
  const auto is_new = [&](const core::GemmConfig& config) {
    return std::ranges::none_of(decided.trials,
                                [&](const core::Trial& each) { return each.config == config; });
  };
  // A heat in which whoever is new is unlucky: three known ones are faster.
  options_.effort = Effort::kDefault;
  script_.time_us = [&](Contender, const core::GemmConfig& c) { return is_new(c) ? 20.5 : 20.0; };
  on_progress_ = [&](Stage stage, int) { stop_ = stage == Stage::kMeasure; };
  EXPECT_THROW(tune(), Interrupted);
  stop_ = false;
  on_progress_ = nullptr;
  std::vector<core::GemmConfig> added;
  for (const core::Trial& each : rows(Outcome::kMeasured)) {
    if (is_new(each.config)) added.push_back(each.config);
  }
  ASSERT_FALSE(added.empty());
  const core::GemmConfig fastest = added.front();
  let_win(fastest, 18, 20);
  const TuneResult later = tune();
  EXPECT_FALSE(later.resumed);
  EXPECT_EQ(later.winner->config, fastest);
  EXPECT_TRUE(tune().resumed);
}

// Where none of those that it added may run any more, nor the others, it answers as before.
TEST_F(RepeatTest, ADecidedRowWhoseKernelsAreQuarantinedAnswers) {
  const TuneResult decided = tune();
  options_.effort = Effort::kDefault;
  on_progress_ = [&](Stage stage, int) { stop_ = stage == Stage::kMeasure; };
  EXPECT_THROW(tune(), Interrupted);
  stop_ = false;
  on_progress_ = nullptr;
  for (const core::GemmConfig& each : candidates()) lose_elsewhere(each);
  for (const core::Trial& each : decided.trials) lose_elsewhere(each.config);
  for (const bool in_a_hurry : {false, true}) {
    options_.budget_seconds = in_a_hurry ? 60 : 0;
    const TuneResult again = tune();
    EXPECT_TRUE(again.resumed);
    ASSERT_TRUE(again.winner);
    EXPECT_EQ(again.winner->config, decided.winner->config);
  }
}

TEST_F(RepeatTest, ThreeThatMayWinMustRunToo) {
  const std::vector<core::GemmConfig> all = candidates();
  const auto lead_at = [&](double first_us) {
    return [=](Contender, const core::GemmConfig& config) {
      if (config == all[0]) return first_us;
      return config == all[1] || config == all[2] ? 20.0 : 25.0;
    };
  };
  script_.time_us = lead_at(20.5);
  interrupt_before_the_final();
  script_.time_us = lead_at(19);
  build_in_time(2);  // the default and one of the two others
  const TuneResult result =
      tune_within(1, [this, before = script_.rounds] { return script_.rounds >= before + 30; });
  ASSERT_TRUE(result.winner);
  EXPECT_FALSE(core::is_decided(*result.winner)) << result.winner->reason;
  script_.on_build = nullptr;
  EXPECT_EQ(tune().winner->config, all[0]);
}

TEST_F(RepeatTest, NoHeatIsRunWithoutNewcomers) {
  options_.effort = Effort::kDefault;
  script_.time_us = [](Contender, const core::GemmConfig&) { return 20.0; };
  int alone = 0;
  script_.on_round_of = [&](const std::vector<core::GemmConfig>& who) { alone += who.size() == 1; };
  build_in_time(16);  // a whole heat
  const TuneResult result = tune_within(1, [&] { return script_.rounds > 0; });
  ASSERT_TRUE(result.winner);
  EXPECT_EQ(alone, 15 + 15) << "of the first answer, and one of each of the others";
}

TEST_F(RepeatTest, AStoredWinnerThatIsQuarantinedSaysSo) {
  const TuneResult first = tune();
  EXPECT_TRUE(tune().resumed);
  EXPECT_TRUE(notes_.empty());
  lose_elsewhere(first.winner->config);
  EXPECT_TRUE(tune().resumed);
  EXPECT_TRUE(was_told("the stored winner of 512x4096x7168")) << notes_.size();
  EXPECT_TRUE(was_told("--force measures anew"));
}

TEST_F(RepeatTest, WithForceWhatACallLosesIsLostOnce) {
  const core::GemmConfig bad = candidates().at(0);
  int lost = 0;
  script_.check = [&](Contender, const core::GemmConfig& config) {
    Check check = scripted::passing_check();
    if (config != bad) return check;
    ++lost;
    check.outcome = Outcome::kWorkerLost;
    check.detail = "the process that ran it was killed by signal 9";
    return check;
  };
  options_.force = true;
  core::CompilePool pool(builder_, jobs_);
  for (const int calls : {1, 2}) {
    Tuner tuner(script_.device, script_.environment, space_, builder_, pool, &gpu_, store_,
                options_, *this, stop_);
    tuner.run(problem_);
    EXPECT_EQ(lost, calls) << "--force asks again";
    tuner.run(shape(510, 4096, 7168));
    EXPECT_EQ(lost, calls) << "but not for every shape";
    EXPECT_TRUE(was_told("1 kernel is left out"));
    EXPECT_FALSE(was_told("--force tries again"));
  }
}

TEST_F(RepeatTest, WhatRanToAnEndSinceIsNoLongerLeftOut) {
  const core::GemmConfig once = candidates().at(0);
  bool is_bad = true;
  script_.check = [&](Contender, const core::GemmConfig& config) {
    Check check = scripted::passing_check();
    if (is_bad && config == once) check.outcome = Outcome::kWorkerLost;
    return check;
  };
  tune();
  is_bad = false;
  let_win(once, 20, 25);
  options_.force = true;
  EXPECT_EQ(tune().winner->config, once);
  options_.force = false;
  options_.effort = Effort::kDefault;
  EXPECT_EQ(tune().winner->config, once);
  EXPECT_FALSE(was_told("left out"));
}

TEST_F(RepeatTest, OfSeveralTwinsTheOneThatWasAskedTheSameAnswers) {
  options_.ask_twins = false;
  script_.environment.device_uuid = "GPU-a";
  const TuneResult quick = tune();
  script_.environment.device_uuid = "GPU-b";
  options_.effort = Effort::kDefault;
  tune();
  options_.ask_twins = true;
  options_.effort = Effort::kQuick;
  script_.environment.device_uuid = "GPU-c";
  const TuneResult result = tune();
  EXPECT_TRUE(result.of_twin);
  ASSERT_TRUE(result.winner);
  EXPECT_EQ(result.winner->asked, quick.winner->asked);
}

}  // namespace
}  // namespace deepgemm::autotune
