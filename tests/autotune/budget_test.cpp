// A budget holds, and what is stored when it ends is an answer.
#include <thread>

#include "tests/autotune/tuning.h"

namespace deepgemm::autotune {
namespace {

class BudgetTest : public TuningTest {
 protected:
  // --force with a budget that leaves time for the first few kernels, and ends while the compiler
  // is at the next one.
  TuneResult tune_anew_in_a_hurry() {
    constexpr int kLeastOfAHeat = 15;
    build_in_time(3);
    options_.force = true;
    return tune_within(
        0.5, [this, before = script_.rounds] { return script_.rounds >= before + kLeastOfAHeat; });
  }
};

TEST_F(BudgetTest, ABudgetThatEndsWhileCompilingLeavesTheDefault) {
  jobs_ = 1;
  // The first answer comes later than the budget, and no other kernel while the tune runs.
  script_.on_build = [this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    if (script_.builds > 0) tuning_.wait(true);
  };
  const TuneResult result = tune_within(0.01, [this] { return script_.rounds > 0; });
  EXPECT_TRUE(result.budget_ran_out);
  ASSERT_TRUE(result.winner);
  EXPECT_EQ(result.winner->config, fallback_);
  EXPECT_TRUE(result.winner->measured);
  EXPECT_FALSE(notes_.empty());
  EXPECT_LT(script_.builds, 4);

  // The next tune goes on where this one ended.
  script_.on_build = nullptr;
  const TuneResult next = tune();
  EXPECT_FALSE(next.resumed);
  EXPECT_EQ(next.winner->trials, static_cast<int>(candidates().size()) + 1);
}

TEST_F(BudgetTest, ABudgetThatEndsWhileMeasuringUsesWhatThereIs) {
  const TuneResult result = tune_to_the_round_behind(21);
  EXPECT_TRUE(result.budget_ran_out);
  ASSERT_TRUE(result.winner);
  EXPECT_GT(result.winner->median_us, 0);
  EXPECT_LT(script_.rounds, 30);
}

TEST_F(BudgetTest, OneThatIsOverBeforeTheStartLeavesTheStoredWinner) {
  const TuneResult first = tune();
  const int rounds = script_.rounds;
  options_.effort = Effort::kDefault;
  options_.budget_seconds = 1e-6;
  const TuneResult result = tune();
  EXPECT_TRUE(result.budget_ran_out);
  EXPECT_FALSE(result.resumed) << "there was more to try";
  ASSERT_TRUE(result.winner);
  EXPECT_EQ(result.winner->config, first.winner->config);
  EXPECT_EQ(script_.rounds, rounds);
  EXPECT_EQ(store_.winners().size(), 1u);
}

// Times of two sessions cannot be compared: the clocks of the second may be others.
TEST_F(BudgetTest, OneThatEndsAfterTheDefaultLeavesTheStoredWinner) {
  let_win(candidates().at(1), 17, 25);
  const TuneResult first = tune();
  ASSERT_EQ(first.winner->config, candidates().at(1));
  for (const double default_us : {16.0, 40.0}) {
    script_.time_us = [=](core::Contender, const core::GemmConfig&) { return default_us; };
    script_.on_build = [] { std::this_thread::sleep_for(std::chrono::milliseconds(100)); };
    jobs_ = 1;
    options_.effort = Effort::kDefault;
    options_.budget_seconds = 0.01;
    const int rounds = script_.rounds;
    const TuneResult result = tune();
    EXPECT_TRUE(result.budget_ran_out);
    ASSERT_TRUE(result.winner);
    EXPECT_EQ(result.winner->config, first.winner->config);
    EXPECT_EQ(result.winner->reason, first.winner->reason);
    EXPECT_EQ(store_.winners().size(), 1u);
    EXPECT_GE(script_.rounds, rounds);
  }
}

// The stored winner comes early, so that there is something to compare with.
TEST_F(BudgetTest, WithForceTheStoredWinnerIsTriedBeforeTheBudgetEnds) {
  let_win(candidates().back(), 17, 25);
  const TuneResult first = tune();
  ASSERT_EQ(first.winner->config, candidates().back());
  const TuneResult result = tune_anew_in_a_hurry();
  EXPECT_TRUE(result.budget_ran_out);
  EXPECT_LE(result.trials.size(), 6u);
  EXPECT_EQ(result.winner->config, first.winner->config);
}

TEST_F(BudgetTest, WhatCannotServeAnyMoreIsReplaced) {
  const core::GemmConfig first = candidates().at(1);
  let_win(first, 17, 25);
  ASSERT_EQ(tune().winner->config, first);
  script_.check = [&](core::Contender, const core::GemmConfig& config) {
    Check check = scripted::passing_check();
    if (config == first) check.outcome = core::Outcome::kWrong;
    return check;
  };
  const TuneResult result = tune_anew_in_a_hurry();
  EXPECT_TRUE(result.budget_ran_out);
  ASSERT_TRUE(result.winner);
  EXPECT_NE(result.winner->config, first);
}

TEST_F(BudgetTest, AStoredWinnerIsAnswerEnoughToObeyItAtOnce) {
  const TuneResult first = tune();
  script_.on_build = [] { std::this_thread::sleep_for(std::chrono::milliseconds(300)); };
  options_.effort = Effort::kDefault;
  options_.budget_seconds = 0.1;
  const int rounds = script_.rounds;
  const TuneResult result = tune();
  EXPECT_TRUE(result.budget_ran_out);
  EXPECT_EQ(result.winner->config, first.winner->config);
  EXPECT_EQ(script_.rounds, rounds);
}

}  // namespace
}  // namespace deepgemm::autotune
