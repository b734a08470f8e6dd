#include "autotune/calibration.h"

#include "tests/autotune/tuning.h"

namespace deepgemm::autotune {
namespace {

using core::Contender;

class CalibrationTest : public TuningTest {
 protected:
  CalibrationTest() { options_.effort = Effort::kDefault; }

  // Everyone takes what the model predicts for a device of other rates.
  void run_at(const core::Calibration& rates) {
    const CostModel model(calibrated(script_.device, rates));
    script_.time_us = [this, model](Contender, const core::GemmConfig& config) {
      return model.predict(problem_, config).total_us;
    };
  }

  core::Calibration fitted() {
    const TuneResult result = tune();
    std::vector<const core::Trial*> trials;
    for (const core::Trial& each : result.trials) trials.push_back(&each);
    return calibrate(script_.device, trials);
  }
};

TEST_F(CalibrationTest, AModelThatIsRightStays) {
  run_at({});
  script_.noise = 0.02;
  EXPECT_EQ(fitted(), core::Calibration());
}

TEST_F(CalibrationTest, FindsSlowMemory) {
  problem_ = shape(64, 4096, 7168);
  run_at({.memory = 0.5, .math = 1});
  const core::Calibration found = fitted();
  EXPECT_LT(found.memory / found.math, 0.8);
}

TEST_F(CalibrationTest, FewTrialsAreNotFittedTo) {
  options_.effort = Effort::kQuick;
  run_at({.memory = 0.5, .math = 1});
  EXPECT_EQ(fitted(), core::Calibration());
}

TEST_F(CalibrationTest, WhereTheModelIsOffWhatItMissedIsTriedToo) {
  problem_ = shape(64, 4096, 7168);
  const TuneResult as_predicted = tune();
  options_.force = true;
  run_at({.memory = 0.5, .math = 1.5});
  const TuneResult result = tune();
  ASSERT_TRUE(result.winner);
  EXPECT_GE(result.winner->trials, as_predicted.winner->trials);
  options_.force = false;
  EXPECT_TRUE(tune().resumed) << "that alone is no reason to tune again";
}

TEST_F(CalibrationTest, WhatWasFittedIsStoredAndRanksTheNextProblem) {
  problem_ = shape(64, 4096, 7168);
  run_at({.memory = 0.5, .math = 1.5});
  EXPECT_EQ(tune().winner->ranked_at, core::Calibration());
  const auto stored = store_.calibration(script_.environment);
  ASSERT_TRUE(stored);
  EXPECT_NE(*stored, core::Calibration());
  problem_ = shape(128, 4096, 7168);
  run_at({.memory = 0.5, .math = 1.5});
  const TuneResult next = tune();
  EXPECT_EQ(next.winner->ranked_at, *stored);
  const CostModel model(calibrated(script_.device, *stored));
  const RankedCandidate& best = next.plan.ranked.front();
  EXPECT_EQ(best.prediction.total_us, model.predict(problem_, best.config).total_us);
}

TEST_F(CalibrationTest, ARowKeepsTheRatesThatRankedIt) {
  problem_ = shape(64, 4096, 7168);
  run_at({});
  ASSERT_TRUE(tune().winner);
  const core::Calibration later{.memory = 0.5, .math = 1.5, .problems = 2};
  store_.record(later, script_.environment);
  EXPECT_TRUE(tune().resumed);
  options_.force = true;
  EXPECT_EQ(tune().winner->ranked_at, later);
}

TEST_F(CalibrationTest, IsFittedAnewWhenTheProblemsHaveDoubled) {
  tune();
  std::vector<const core::Trial*> trials;
  for (const auto& [trial, environment] : store_.rows()) trials.push_back(&trial);
  Calibrator calibrator(script_.device);
  std::vector<int> fits;
  for (int problem = 1; problem <= 9; ++problem) {
    if (calibrator.learn(trials)) fits.push_back(problem);
  }
  EXPECT_EQ(fits, (std::vector<int>{1, 2, 4, 8}));
}

TEST_F(CalibrationTest, CallsThatABudgetEndsAddUpToOne) {
  problem_ = shape(64, 4096, 7168);
  run_at({.memory = 0.5, .math = 1.5});
  int calls = 0;
  for (; calls < 40 && store_.calibrations() == 0; ++calls) {
    build_in_time(20);  // fewer than are fitted to
    EXPECT_TRUE(tune_within(1, [&] { return script_.rounds > 0; }).budget_ran_out);
  }
  EXPECT_EQ(store_.calibrations(), 1u);
  EXPECT_GE(calls, 2);
}

TEST_F(CalibrationTest, AFitOfFewProblemsReplacesNoneOfMore) {
  problem_ = shape(64, 4096, 7168);
  const core::Calibration of_a_fleet{.memory = 1, .math = 1, .problems = 4};
  store_.record(of_a_fleet, script_.environment);
  run_at({.memory = 0.5, .math = 1.5});
  EXPECT_TRUE(tune().winner);
  EXPECT_EQ(store_.calibrations(), 1u);
  EXPECT_TRUE(notes_.empty()) << "nor is it tried at once";
  Calibrator calibrator(script_.device);
  std::vector<const core::Trial*> trials;
  for (const auto& [trial, environment] : store_.rows()) trials.push_back(&trial);
  EXPECT_EQ(calibrator.learn(trials)->problems, 1);
}

}  // namespace
}  // namespace deepgemm::autotune
