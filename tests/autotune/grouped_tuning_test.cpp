// What is particular to tuning a grouped product.
#include "tests/autotune/tuning.h"

namespace deepgemm::autotune {
namespace {

class GroupedTuningTest : public TuningTest {
 protected:
  GroupedTuningTest() {
    problem_.operation = core::Operation::kGroupedMasked;
    problem_.groups = 6;
  }
};

TEST_F(GroupedTuningTest, OnlyKernelsOfTheOperationAreTried) {
  const TuneResult result = tune();
  ASSERT_TRUE(result.winner);
  EXPECT_EQ(result.winner->config.operation, kernels::kGroupedMasked);
  EXPECT_EQ(result.winner->default_config.operation, kernels::kGroupedMasked);
  for (const core::Trial& each : result.trials) {
    const bool ours = each.contender == core::Contender::kCandidate ||
                      each.contender == core::Contender::kDefault;
    if (!ours) continue;
    EXPECT_EQ(each.config.operation, kernels::kGroupedMasked);
  }
}

TEST_F(GroupedTuningTest, ATrialSaysWhichRowsWereMeasured) {
  options_.draws = core::GroupDraws(core::GroupDraw{.skew = core::Skew::kZipf});
  const TuneResult result = tune();
  EXPECT_EQ(script_.prepared.skew, core::Skew::kZipf);
  for (const core::Trial& each : result.trials) {
    EXPECT_TRUE(each.policy.starts_with("scripted; rows: zipf, max_m ")) << each.policy;
  }
}

TEST_F(GroupedTuningTest, TimesOfOtherRowsAnswerNothing) {
  const core::GroupDraws half(core::GroupDraw{.skew = core::Skew::kHalf});
  const core::GemmConfig best_of_even = candidates().at(0);
  options_.draws = half;
  core::GemmConfig best_of_half = candidates().at(0);
  if (best_of_half == best_of_even) best_of_half = candidates().at(1);
  script_.time_us = [&](core::Contender contender, const core::GemmConfig& config) {
    const bool is_half = script_.prepared.skew == core::Skew::kHalf;
    const bool is_best = config == (is_half ? best_of_half : best_of_even);
    return contender == core::Contender::kCandidate && is_best ? 250.0 : 300.0;
  };
  options_.draws = core::GroupDraws();
  EXPECT_EQ(tune().winner->config, best_of_even);
  const int builds = script_.builds;
  EXPECT_TRUE(tune().resumed);
  EXPECT_EQ(script_.builds, builds);
  options_.draws = half;
  const TuneResult other = tune();
  EXPECT_FALSE(other.resumed);
  EXPECT_EQ(other.winner->config, best_of_half);
  for (const core::Trial& each : other.trials) {
    EXPECT_NE(each.policy.find("rows: half"), std::string::npos) << each.policy;
  }
  // Nor do they push each other, or each other's winner, out of the store.
  const int rounds = script_.rounds;
  EXPECT_EQ(tune().winner->config, best_of_half);
  options_.draws = core::GroupDraws();
  const TuneResult again = tune();
  EXPECT_TRUE(again.resumed);
  EXPECT_EQ(again.winner->config, best_of_even);
  EXPECT_EQ(again.winner->rows, "");
  for (const core::Trial& each : again.trials) {
    EXPECT_EQ(each.policy.find("rows: half"), std::string::npos) << each.policy;
  }
  EXPECT_EQ(script_.rounds, rounds);
}

TEST_F(GroupedTuningTest, WhereOnlyTheWinnerIsMissingTheFastestRaceOnceMore) {
  options_.draws = core::GroupDraws(core::GroupDraw{.skew = core::Skew::kHalf});
  tune();
  // As a database has it whose winners did not say their rows yet.
  scripted::Store older(script_);
  for (const auto& [trial, environment] : store_.rows()) older.record(trial, environment);
  for (auto [winner, environment] : store_.winners()) {
    winner.rows.clear();
    older.record(winner, environment);
  }
  store_ = older;
  const int builds = script_.builds;
  const TuneResult result = tune();
  EXPECT_FALSE(result.resumed);
  EXPECT_TRUE(result.winner->rows.starts_with("rows: half")) << result.winner->rows;
  EXPECT_LE(script_.builds - builds, 1 + 4) << "the dense one, the default and the fastest three";
}

TEST_F(GroupedTuningTest, APredictionIsOfItsRows) {
  EXPECT_TRUE(tune(false).winner);
  options_.draws = core::GroupDraws(core::GroupDraw{.skew = core::Skew::kZipf});
  const TuneResult zipf = tune(false);
  EXPECT_FALSE(zipf.resumed);
  for (const core::Trial& each : zipf.trials) {
    EXPECT_TRUE(each.policy.starts_with("rows: zipf")) << each.policy;
  }
  EXPECT_TRUE(tune(false).resumed);
}

TEST_F(GroupedTuningTest, APlanWalksTheSameSpaceForEveryOperation) {
  const Plan masked = make_plan(problem_, space_, script_.device);
  EXPECT_EQ(masked.enumerated, space_.size());
  ASSERT_FALSE(masked.ranked.empty());
  for (const RankedCandidate& each : masked.ranked) {
    ASSERT_EQ(each.config.operation, kernels::kGroupedMasked);
    ASSERT_EQ(core::broken_limit(each.config), std::nullopt);
  }
  const Plan dense = make_plan(shape(512, 4096, 7168), space_, script_.device);
  ASSERT_FALSE(dense.ranked.empty());
  EXPECT_EQ(dense.ranked.front().config.operation, kernels::kDense);
}

TEST_F(GroupedTuningTest, APlanIsPrunedForTheRowsThatAreMeasured) {
  const auto has_tall = [](const Plan& plan) {
    return std::ranges::any_of(plan.ranked,
                               [](const auto& each) { return each.config.block_m == 256; });
  };
  problem_.m = 48;
  EXPECT_FALSE(has_tall(make_plan(problem_, space_, script_.device)));
  const core::GroupDraw given{.max_m = 2048, .rows = {0, 2000, 0, 0, 1, 0}};
  EXPECT_TRUE(has_tall(make_plan(problem_, space_, script_.device, given)));
}

TEST_F(GroupedTuningTest, ResultsAreHeldToTheBitsOfTheDenseKernel) {
  int dense_runs = 0;
  script_.check = [&](core::Contender, const core::GemmConfig& config) {
    Check check = scripted::passing_check();
    const bool dense = config.operation == kernels::kDense;
    dense_runs += dense;
    if (!dense) check.verification.bits_hash = config.split_k == 1 ? 7 : 8;
    return check;
  };
  const TuneResult result = tune();
  EXPECT_EQ(dense_runs, 1) << "for all heats";
  EXPECT_EQ(script_.admitted_now, 0) << "and it does not race";
  ASSERT_FALSE(result.trials.empty());
  for (const core::Trial& each : result.trials) {
    const bool ours = each.contender == core::Contender::kCandidate ||
                      each.contender == core::Contender::kDefault;
    if (!ours || each.config.split_k > 1) continue;
    EXPECT_EQ(each.outcome, core::Outcome::kWrong) << core::to_string(each.config);
    EXPECT_NE(each.detail.find("of the dense kernel, run group by group"), std::string::npos)
        << each.detail;
  }
}

TEST_F(GroupedTuningTest, ADenseKernelThatIsWrongItselfIsNoReference) {
  script_.check = [&](core::Contender, const core::GemmConfig& config) {
    Check check = scripted::passing_check();
    if (config.operation != kernels::kDense) return check;
    check.outcome = core::Outcome::kWrong;
    check.detail = "it differs";
    check.verification.bits_hash = 7;
    return check;
  };
  EXPECT_TRUE(tune().winner);
  EXPECT_TRUE(std::ranges::any_of(notes_, [](const std::string& note) {
    return note.find("dense kernel's, group by group: it differs") != std::string::npos;
  }));
}

TEST_F(GroupedTuningTest, ADenseProblemHasNoSuchReference) {
  problem_ = shape(512, 4096, 7168);
  int others = 0;
  script_.check = [&](core::Contender, const core::GemmConfig& config) {
    others += config == core::fallback_config(core::Operation::kDense);
    return scripted::passing_check();
  };
  EXPECT_TRUE(tune().winner);
  EXPECT_EQ(others, 0);
}

TEST_F(GroupedTuningTest, TheModelCountsTheTilesOfAllGroups) {
  const CostModel model(script_.device);
  core::GemmConfig config = core::parse_config("block_m=128,block_n=128,stages=4,operation=3");
  core::GemmProblem one = problem_;
  one.groups = 1;
  one.m = 120;  // 100 rows come
  core::GemmProblem many = one;
  many.groups = 64;
  EXPECT_EQ(model.predict(one, config).tiles, 32);
  EXPECT_EQ(model.predict(many, config).tiles, 64 * 32) << "no group fills a tile";
  EXPECT_EQ(CostModel(script_.device, {130, 0}).predict(many, config).tiles, 2 * 32)
      << "as given, and an empty group has none";
  EXPECT_GT(model.predict(many, config).memory_us, 20 * model.predict(one, config).memory_us)
      << "each group has a B";
}

}  // namespace
}  // namespace deepgemm::autotune
