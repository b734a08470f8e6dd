// Interrupted at any stage, a tune resumes: nothing recorded is lost or done twice.
#include "tests/autotune/tuning.h"

namespace deepgemm::autotune {
namespace {

using core::Contender;
using core::Outcome;
using core::Trial;

class ResumeTest : public TuningTest {
 protected:
  // Sets the stop flag when `stage` reports `done`.
  void stop_at(Stage stage, int done) {
    on_progress_ = [this, stage, done](Stage at, int now) {
      if (at == stage && now == done) stop_ = true;
    };
  }

  TuneResult resume() {
    stop_ = false;
    on_progress_ = nullptr;
    return tune();
  }

  void expect_whole(const TuneResult& result) {
    ASSERT_TRUE(result.winner);
    EXPECT_EQ(store_.winners().size(), 1u);
    for (const core::GemmConfig& each : candidates()) EXPECT_GE(rows_of(each), 1);
    EXPECT_TRUE(store_.cubins().contains(result.winner->kernel_key));
    EXPECT_EQ(result.winner->trials, static_cast<int>(candidates().size()) + 1);
  }
};

TEST_F(ResumeTest, BeforeTheStart) {
  stop_ = true;
  EXPECT_THROW(tune(), Interrupted);
  EXPECT_TRUE(store_.rows().empty());
  expect_whole(resume());
}

TEST_F(ResumeTest, AfterEnumerating) {
  stop_at(Stage::kEnumerate, 1);
  EXPECT_THROW(tune(), Interrupted);
  expect_whole(resume());
}

TEST_F(ResumeTest, WhileCompiling) {
  const core::GemmConfig broken = candidates().at(0);
  script_.compile_failure = [&](const core::GemmConfig& config) {
    return config == broken ? "refused" : "";
  };
  stop_at(Stage::kCompile, static_cast<int>(candidates().size()) + 1);
  EXPECT_THROW(tune(), Interrupted);
  EXPECT_EQ(rows(Outcome::kCompileFailed).size(), 1u) << "what is finished is recorded";
  expect_whole(resume());
  EXPECT_EQ(rows_of(broken), 1) << "and not tried again";
}

TEST_F(ResumeTest, WhileVerifying) {
  stop_at(Stage::kVerify, 3);
  EXPECT_THROW(tune(), Interrupted);
  expect_whole(resume());
}

TEST_F(ResumeTest, WhatWasCheckedIsNotCheckedAgain) {
  const int all = static_cast<int>(candidates().size()) + 1;
  stop_at(Stage::kVerify, 5);
  EXPECT_THROW(tune(), Interrupted);
  EXPECT_EQ(rows(Outcome::kVerified).size(), 5u) << "each at once, not with its heat";
  EXPECT_TRUE(rows(Outcome::kMeasured).empty());
  expect_whole(resume());
  EXPECT_EQ(script_.verifies, all);
  EXPECT_TRUE(tune().resumed);
  for (const Trial& each : store_.trials(problem_, script_.environment)) {
    EXPECT_EQ(each.outcome, Outcome::kMeasured);
  }
}

TEST_F(ResumeTest, AnotherKernelOfAConfigIsCheckedAgain) {
  stop_at(Stage::kVerify, 5);
  EXPECT_THROW(tune(), Interrupted);
  std::vector<Trial> before = rows(Outcome::kVerified);
  for (Trial& each : before) {
    each.kernel_key = "of another compiler's flags";
    store_.record(each, script_.environment);
  }
  resume();
  EXPECT_EQ(script_.verifies, static_cast<int>(candidates().size()) + 1 + 5);
}

TEST_F(ResumeTest, WhileMeasuring) {
  const std::vector<core::GemmConfig> all = candidates();
  script_.time_us = [&](Contender, const core::GemmConfig& config) {
    return config == all[0] ? 20.0 : config == all[1] ? 20.05 : 25.0;
  };
  // In the second batch of rounds: the slow ones have dropped out, the fast ones are still at it.
  script_.on_round = [&](Round&) { stop_ = script_.rounds == 7; };
  EXPECT_THROW(tune(), Interrupted);
  script_.on_round = nullptr;
  EXPECT_EQ(rows(Outcome::kMeasured).size(), all.size() + 1) << "the default, too";
  EXPECT_EQ(rows_of(all[0]), 2) << "its check, and what the first rounds said of it";
  const int verifies = script_.verifies;
  const TuneResult result = resume();
  expect_whole(result);
  EXPECT_EQ(result.winner->config, all[0]);
  EXPECT_LE(script_.verifies - verifies, 1 + 3) << "only the default and the fastest few run again";
}

TEST_F(ResumeTest, BetweenHeatAndFinal) {
  const std::size_t all = candidates().size() + 1;
  stop_at(Stage::kMeasure, static_cast<int>(all));
  EXPECT_THROW(tune(), Interrupted);
  EXPECT_EQ(store_.trials(problem_, script_.environment).size(), all);
  const int verifies = script_.verifies;
  expect_whole(resume());
  EXPECT_EQ(script_.verifies - verifies, 4) << "the default and the fastest three";
}

TEST_F(ResumeTest, BeforeTheWinnerIsRecorded) {
  // Everyone is measured and recorded; the last trial recorded sets the flag.
  script_.on_trial = [this](const Trial& trial) {
    stop_ = trial.contender == Contender::kCublasLtTensorwide;
  };
  EXPECT_THROW(tune(), Interrupted);
  script_.on_trial = nullptr;
  EXPECT_EQ(rows(Outcome::kMeasured).size() + rows(Outcome::kVerified).size(),
            store_.rows().size());
  EXPECT_TRUE(store_.winners().empty());
  const int verifies = script_.verifies;
  expect_whole(resume());
  EXPECT_EQ(script_.verifies - verifies, 4) << "only the fastest run again, in one race";
}

TEST_F(ResumeTest, AFinishedTuneAnswersAtOnce) {
  const TuneResult first = tune();
  const int builds = script_.builds;
  const int rounds = script_.rounds;
  const TuneResult second = tune();
  EXPECT_TRUE(second.resumed);
  ASSERT_TRUE(second.winner);
  EXPECT_EQ(second.winner->config, first.winner->config);
  EXPECT_EQ(second.trials.size(), first.trials.size());
  EXPECT_EQ(script_.builds, builds);
  EXPECT_EQ(script_.rounds, rounds);
}

TEST_F(ResumeTest, WhatIsAskedAgainIsNotRankedAgain) {
  EXPECT_GT(tune().plan.enumerated, 0);
  EXPECT_EQ(tune().plan.enumerated, 0);
  // Another question is: its answer may be known, too.
  space_.fix("block_n", {32, 64});
  const TuneResult less = tune();
  EXPECT_TRUE(less.resumed || less.winner->trials > 0);
  EXPECT_GT(less.plan.enumerated, 0);
  options_.effort = Effort::kDefault;
  EXPECT_GT(tune().plan.enumerated, 0);
}

TEST_F(ResumeTest, ForceMeasuresAnew) {
  tune();
  const std::size_t measured_before = rows(Outcome::kMeasured).size();
  options_.force = true;
  const TuneResult second = tune();
  EXPECT_FALSE(second.resumed);
  EXPECT_EQ(rows(Outcome::kMeasured).size(), 2 * measured_before) << "beside the old evidence";
  EXPECT_EQ(store_.winners().size(), 2u);
}

TEST_F(ResumeTest, AnotherEnvironmentStartsAfresh) {
  tune();
  script_.environment.driver = "590.10 (CUDA 13.1)";
  const TuneResult second = tune();
  EXPECT_FALSE(second.resumed);
  EXPECT_EQ(second.trials.size(), store_.trials(problem_, script_.environment).size());
}

TEST_F(ResumeTest, AnotherPowerLimitStartsAfreshAndTheFirstOnesRowsStay) {
  tune();
  const std::size_t at_700 = store_.rows().size();
  script_.environment.power_limit_w = 500;
  EXPECT_FALSE(tune().resumed);
  EXPECT_TRUE(tune().resumed);
  EXPECT_EQ(store_.rows().size(), 2 * at_700);
  script_.environment.power_limit_w = 700;
  EXPECT_TRUE(tune().resumed);
}

TEST_F(ResumeTest, WhatWasTunedWithoutKnowingTheClocksIsNotTunedAgain) {
  const core::Environment known = script_.environment;
  for (const core::ClockLimit& limit : core::kClockLimits) script_.environment.*limit.member = 0;
  tune();
  script_.environment = known;
  EXPECT_TRUE(tune().resumed);
}

TEST_F(ResumeTest, MoreEffortTriesOnlyWhatIsNew) {
  const std::vector<core::GemmConfig> quick = candidates();
  const core::GemmConfig best = quick.at(0);
  let_win(best, 20, 25);
  tune();
  options_.effort = Effort::kDefault;
  const std::size_t more = candidates().size();
  ASSERT_GT(more, quick.size());
  // The machine runs half as fast today: only who runs again may be compared with who is new.
  let_win(best, 40, 50);
  const int verifies = script_.verifies;
  const TuneResult result = tune();
  ASSERT_TRUE(result.winner);
  EXPECT_EQ(result.winner->config, best);
  EXPECT_DOUBLE_EQ(result.winner->median_us, 40);
  EXPECT_DOUBLE_EQ(result.winner->default_us, 50);
  // What is new, the default, the fastest three, the winner and its runner-up; and one heat, since
  // the model is far off.
  const int tried = script_.verifies - verifies;
  EXPECT_GE(tried, static_cast<int>(more - quick.size()) + 1 + 3);
  EXPECT_LE(tried, static_cast<int>(more - quick.size()) + 1 + 5 + 16);
  for (const core::GemmConfig& each : quick) EXPECT_LE(rows_of(each), 7) << "of two tunes at most";
  EXPECT_GE(result.winner->trials, static_cast<int>(more) + 1);
}

}  // namespace
}  // namespace deepgemm::autotune
