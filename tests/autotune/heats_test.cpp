// Heats, the final, and what must not win.
#include "autotune/verdict.h"
#include "tests/autotune/tuning.h"

namespace deepgemm::autotune {
namespace {

using core::Contender;
using core::Outcome;
using core::Trial;

class HeatsTest : public TuningTest {
 protected:
  HeatsTest() { options_.effort = Effort::kDefault; }
};

TEST_F(HeatsTest, TheBestOfManyHeatsWinsThoughTheMachineSlowsDown) {
  const std::vector<core::GemmConfig> all = candidates();
  ASSERT_GT(all.size(), 40u) << "several heats";
  const core::GemmConfig best = all.at(17);
  // Times drift up by a third over the run: those of two heats cannot be compared.
  script_.time_us = [&](Contender contender, const core::GemmConfig& config) {
    const double drift = 1 + std::min(0.33, script_.rounds * 0.003);
    const bool ours = contender == Contender::kCandidate || contender == Contender::kDefault;
    return drift * (ours && config == best ? 20.0 : 22.0);
  };
  const TuneResult result = tune();
  ASSERT_TRUE(result.winner);
  EXPECT_EQ(result.winner->config, best);
  // The model is far from such times, which calls for one heat more.
  EXPECT_GE(result.winner->trials, static_cast<int>(all.size()) + 1);
}

TEST_F(HeatsTest, EveryCandidateIsStoredWhenItsHeatIsOver) {
  std::size_t stored = 0;
  on_progress_ = [&](Stage stage, int done) {
    if (stage != Stage::kMeasure || done < 2) return;
    stored = store_.trials(problem_, script_.environment).size();  // the newest of each
    EXPECT_EQ(stored, static_cast<std::size_t>(done));
  };
  tune();
  EXPECT_GT(stored, 40u);
}

TEST_F(HeatsTest, FinalistsAreMeasuredInFreshRounds) {
  // In the heat this one looks best by luck; the final shows what it is.
  options_.effort = Effort::kQuick;
  const core::GemmConfig lucky = candidates().at(1);
  script_.time_us = [&](Contender contender, const core::GemmConfig& config) {
    const bool heat = script_.rounds < 10;
    return contender == Contender::kCandidate && config == lucky && heat ? 20.0 : 25.0;
  };
  const TuneResult result = tune();
  ASSERT_TRUE(result.winner);
  EXPECT_EQ(result.winner->config, fallback_);
  EXPECT_DOUBLE_EQ(result.winner->median_us, 25);
}

TEST_F(HeatsTest, WhoeverLeftTheFinalWhileTheGpuWasCoolDoesNotWin) {
  // The final's first rounds are a tenth faster than its last. The slow one leaves it after these.
  options_.effort = Effort::kQuick;
  const std::vector<core::GemmConfig> all = candidates();
  int cool = -1;  // rounds when the final began
  on_progress_ = [&](Stage stage, int) {
    if (stage == Stage::kMeasure) cool = script_.rounds;
  };
  script_.time_us = [&](Contender contender, const core::GemmConfig& config) {
    const double drift = script_.rounds < cool + 5 ? 0.9 : 1.0;
    if (contender != Contender::kCandidate) return 25.0 * drift;
    if (config == all[0]) return 20.0 * drift;
    return (config == all[1] ? 20.05 : config == all[2] ? 20.7 : 24.0) * drift;
  };
  script_.noise = 0.001;
  const core::Winner winner = tune().winner.value();
  EXPECT_EQ(winner.config, all[0]);
  EXPECT_GT(winner.samples, 10);
}

TEST_F(HeatsTest, TheWinnersRowHoldsItsEvidence) {
  options_.effort = Effort::kQuick;
  const std::vector<core::GemmConfig> all = candidates();
  script_.time_us = [&](Contender contender, const core::GemmConfig& config) {
    if (contender == Contender::kCublasLtBlock) return 30.0;
    return config == all[0] ? 20.0 : config == all[1] ? 21.0 : 25.0;
  };
  script_.noise = 0.001;
  const core::Winner winner = tune().winner.value();
  EXPECT_GE(winner.samples, 20);
  EXPECT_LE(winner.ci_low_us, 20);
  EXPECT_GE(winner.ci_high_us, 20);
  EXPECT_EQ(winner.sm_clock_mhz, 1755);
  EXPECT_EQ(winner.runner_up_config, all[1]);
  EXPECT_NEAR(winner.runner_up_us, 21, 0.1);
  EXPECT_NEAR(winner.margin_low, 1.25, 0.01);
  EXPECT_NEAR(winner.margin_high, 1.25, 0.01);
  EXPECT_NEAR(winner.cublaslt_margin_low, 1.5, 0.01);
}

TEST_F(HeatsTest, ASuspiciouslyFastResultIsCheckedAgain) {
  options_.effort = Effort::kQuick;
  const core::GemmConfig fast = candidates().at(2);
  let_win(fast, 17, 25);
  int checks = 0;
  fail_checks(fast, [&] { return ++checks == 2; });
  expect_second_check_failed(tune(), fast);
}

TEST_F(HeatsTest, WhatPassesTheSecondCheckMayWin) {
  options_.effort = Effort::kQuick;
  const core::GemmConfig fast = candidates().at(2);
  let_win(fast, 17, 25);
  EXPECT_EQ(tune().winner->config, fast);
  EXPECT_EQ(notes_.size(), 1u) << "it is said that a result was checked again";
}

TEST_F(HeatsTest, ATimeThatNoMachineReachesIsNotBelieved) {
  options_.effort = Effort::kQuick;
  const core::GemmConfig fast = candidates().at(2);
  let_win(fast, 2, 25);
  const TuneResult result = tune();
  ASSERT_TRUE(result.winner);
  EXPECT_NE(result.winner->config, fast);
  ASSERT_EQ(rows(Outcome::kWrong).size(), 1u);
  EXPECT_NE(rows(Outcome::kWrong)[0].detail.find("no kernel can take less"), std::string::npos);
}

TEST_F(HeatsTest, WhoFallsInARaceIsRecordedAndTheOthersGoOn) {
  options_.effort = Effort::kQuick;
  script_.on_round = [&](Round& round) {
    if (script_.rounds != 3) return;
    round.casualty = Casualty{2, Outcome::kHung, "it hung"};
    round.times_us.clear();
  };
  const TuneResult result = tune();
  EXPECT_TRUE(result.winner);
  ASSERT_EQ(rows(Outcome::kHung).size(), 1u);
  EXPECT_EQ(rows(Outcome::kHung)[0].detail, "it hung");
  const int builds = script_.builds;
  EXPECT_TRUE(tune().resumed);
  EXPECT_EQ(script_.builds, builds) << "what hung is quarantined";
}

TEST_F(HeatsTest, ARaceEndsWhereAllHaveFallen) {
  options_.effort = Effort::kQuick;
  int victim = 0;
  script_.on_round = [&](Round& round) {
    round.casualty = Casualty{victim++ % 64, Outcome::kWorkerLost, "it killed its worker"};
    round.times_us.clear();
  };
  EXPECT_FALSE(tune().winner);
  EXPECT_GT(rows(Outcome::kWorkerLost).size(), 1u);
  EXPECT_TRUE(rows(Outcome::kMeasured).empty());
}

TEST_F(HeatsTest, WhatWonForANeighbourIsTriedHere) {
  options_.effort = Effort::kQuick;
  // The slowest by the model that is legal: no quick tune would try it by itself.
  const core::GemmConfig odd = make_plan(problem_, space_, script_.device).ranked.back().config;
  let_win(odd, 20, 25);
  EXPECT_NE(tune().winner->config, odd);
  core::Winner neighbour;
  neighbour.problem = problem_;
  neighbour.problem.m *= 2;
  neighbour.config = odd;
  neighbour.measured = true;
  store_.record(neighbour, script_.environment);
  EXPECT_TRUE(tune().resumed) << "a new neighbour alone is no reason to tune again";
  options_.force = true;
  EXPECT_EQ(tune().winner->config, odd);
}

// The slowest by the model that is legal won with other kernels: it is tried here, and no more.
TEST_F(HeatsTest, WhatWonWithOtherKernelsIsTriedHere) {
  options_.effort = Effort::kQuick;
  core::Winner before;
  before.problem = problem_;
  before.config = make_plan(problem_, space_, script_.device).ranked.back().config;
  before.measured = true;
  before.median_us = 1;
  let_win(before.config, 20, 25);
  core::Environment elsewhere = script_.environment;
  elsewhere.device_id = "another kind of GPU";
  store_.record(before, elsewhere);
  EXPECT_NE(tune().winner->config, before.config) << "what won on another kind of GPU tells little";
  elsewhere = script_.environment;
  elsewhere.sources_hash = "other kernels";
  store_.record(before, elsewhere);
  options_.force = true;
  const core::Winner winner = tune().winner.value();
  EXPECT_EQ(winner.config, before.config);
  EXPECT_NE(winner.median_us, before.median_us) << "its time is of these kernels";
  const std::string said = "1 winner measured in another environment is tried first";
  EXPECT_EQ(std::ranges::count(notes_, said), 1);
}

TEST_F(HeatsTest, ANewerWinnerOfOtherRowsElsewhereHidesNone) {
  options_.effort = Effort::kQuick;
  problem_.operation = core::Operation::kGroupedMasked;
  problem_.groups = 4;
  const Plan plan = make_plan(problem_, space_, script_.device);
  core::Winner before;
  before.problem = problem_;
  before.config = plan.ranked.back().config;
  before.measured = true;
  core::Winner skewed = before;
  skewed.config = plan.ranked.end()[-2].config;
  skewed.rows = core::unusual_rows(problem_, {.skew = core::Skew::kZipf});
  core::Environment elsewhere = script_.environment;
  elsewhere.sources_hash = "other kernels";
  store_.record(before, elsewhere);
  store_.record(skewed, elsewhere);
  let_win(before.config, 200, 250);
  EXPECT_EQ(tune().winner->config, before.config);
  EXPECT_GE(rows_of(skewed.config), 1) << "it is worth a try, too";
  const std::string said = "2 winners measured in another environment are tried first";
  EXPECT_EQ(std::ranges::count(notes_, said), 1);
}

}  // namespace
}  // namespace deepgemm::autotune
