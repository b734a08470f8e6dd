#include "autotune/search_space.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/autotune/shapes.h"

namespace deepgemm::autotune {
namespace {

std::vector<core::GemmConfig> enumerate(const SearchSpace& space) {
  std::vector<core::GemmConfig> configs;
  space.for_each([&](const core::GemmConfig& config) { configs.push_back(config); });
  return configs;
}

// Small enough to look at.
SearchSpace small_space() {
  SearchSpace space = SearchSpace::dense();
  space.fix("block_n", {16, 128});
  space.fix("stages", {4, 6});
  space.fix("cluster_n", {1});
  return space;
}

TEST(SearchSpace, HasARowForEveryFieldOfAConfig) {
  const SearchSpace space = SearchSpace::dense();
  ASSERT_EQ(space.parameters().size(), core::kConfigFields.size());
  for (std::size_t i = 0; i < core::kConfigFields.size(); ++i) {
    EXPECT_EQ(space.parameters()[i].field, core::kConfigFields[i].name);
    EXPECT_FALSE(space.is_fixed(core::kConfigFields[i].name));
  }
}

TEST(SearchSpace, EnumeratesTheProductInTheFixedOrderOfConfigs) {
  const SearchSpace space = small_space();
  const std::vector<core::GemmConfig> configs = enumerate(space);
  EXPECT_EQ(static_cast<long long>(configs.size()), space.size());
  for (std::size_t i = 1; i < configs.size(); ++i) {
    ASSERT_TRUE(core::ordered_before(configs[i - 1], configs[i])) << i;
  }
  EXPECT_EQ(enumerate(space), configs);
}

TEST(SearchSpace, FixRestrictsSortsAndRemovesDuplicates) {
  SearchSpace space = SearchSpace::dense();
  const long long before = space.size();
  space.fix("block_m", {128, 64, 128});
  EXPECT_EQ(space.size(), before / 4 * 2);
  EXPECT_EQ(space.parameters()[0].values, (std::vector<int>{64, 128}));
  EXPECT_TRUE(space.is_fixed("block_m"));
}

TEST(SearchSpace, FixRefusesWhatIsNoFieldOrNoValue) {
  SearchSpace space = SearchSpace::dense();
  EXPECT_THROW(space.fix("block_k", {64}), core::UsageError);
  EXPECT_THROW(space.fix("block_m", {}), core::UsageError);
}

TEST(Plan, CountsAddUp) {
  for (const core::GemmProblem& problem :
       {shape(1, 8, 16), shape(64, 2112, 7168), shape(4096, 576, 7168)}) {
    const Plan plan = make_plan(problem, small_space(), h100());
    long long rejected = 0;
    for (const auto& [rule, count] : plan.rejected) rejected += count;
    EXPECT_EQ(plan.enumerated, small_space().size());
    EXPECT_EQ(rejected + static_cast<long long>(plan.ranked.size()), plan.enumerated);
    EXPECT_EQ(plan.rejected.size(), dense_rules().size());
  }
}

TEST(Plan, RanksByPredictionThenByTheFixedOrder) {
  const Plan plan = make_plan(shape(512, 4096, 7168), small_space(), h100());
  ASSERT_GT(plan.ranked.size(), 10u);
  for (std::size_t i = 1; i < plan.ranked.size(); ++i) {
    const RankedCandidate& a = plan.ranked[i - 1];
    const RankedCandidate& b = plan.ranked[i];
    ASSERT_TRUE(a.prediction.total_us < b.prediction.total_us ||
                (a.prediction.total_us == b.prediction.total_us &&
                 core::ordered_before(a.config, b.config)));
  }
}

TEST(Plan, WhatIsLeftIsLegal) {
  for (const core::GemmProblem& problem : {shape(1, 8, 16), shape(300, 2112, 7168)}) {
    const Plan plan = make_plan(problem, SearchSpace::dense(), h100());
    EXPECT_FALSE(plan.ranked.empty());
    for (const RankedCandidate& each : plan.ranked) {
      ASSERT_EQ(core::why_illegal(each.config), std::nullopt) << core::to_string(each.config);
    }
  }
}

TEST(Plan, TasteDoesNotOverruleTheUserButLawsDo) {
  SearchSpace space = SearchSpace::dense();
  space.fix("stages", {2});
  space.fix("raster_group", {16});
  const Plan shallow = make_plan(shape(64, 2112, 7168), space, h100());
  ASSERT_FALSE(shallow.ranked.empty());
  EXPECT_EQ(shallow.ranked.front().config.stages, 2);
  EXPECT_EQ(shallow.ranked.front().config.raster_group, 16);

  space.fix("block_n", {100});
  EXPECT_TRUE(make_plan(shape(64, 2112, 7168), space, h100()).ranked.empty());
}

}  // namespace
}  // namespace deepgemm::autotune
