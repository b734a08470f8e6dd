#include "core/group_rows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace deepgemm::core {
namespace {

GemmProblem masked(int groups, std::int64_t m) {
  return {.operation = Operation::kGroupedMasked, .m = m, .n = 4096, .k = 7168, .groups = groups};
}

GemmProblem contiguous(int groups, std::int64_t m, int alignment = 128) {
  return {.operation = Operation::kGroupedContiguous,
          .m = m,
          .n = 4096,
          .k = 7168,
          .groups = groups,
          .alignment = alignment};
}

std::int64_t sum(const std::vector<std::int64_t>& rows) {
  return std::accumulate(rows.begin(), rows.end(), std::int64_t{0});
}

TEST(GroupRows, ADenseProblemIsOneGroup) {
  const GemmProblem dense{.m = 5, .n = 136, .k = 144};
  EXPECT_EQ(rows_of_groups(dense), std::vector<std::int64_t>{5});
  const GroupLayout layout = layout_of(dense);
  EXPECT_EQ(layout.all_rows, 5);
  EXPECT_EQ(layout.extent, 5);
  EXPECT_TRUE(layout.rows.empty());
  EXPECT_EQ(describe(dense, {}), "");
  EXPECT_TRUE(why_illegal(dense, {.rows = {5}}));
}

TEST(GroupRows, TheEvenDrawSpreadsAroundItsMean) {
  const auto rows = rows_of_groups(contiguous(256, 1000));
  EXPECT_NEAR(static_cast<double>(sum(rows)) / 256, 1000, 5);
  EXPECT_GE(std::ranges::min(rows), 700);
  EXPECT_LE(std::ranges::max(rows), 1300);
  EXPECT_LT(std::ranges::min(rows), 720);
  EXPECT_GT(std::ranges::max(rows), 1280);
  EXPECT_EQ(rows, rows_of_groups(contiguous(256, 1000))) << "the same each time";
}

TEST(GroupRows, AnExpectedMLeavesRoom) {
  EXPECT_NEAR(static_cast<double>(sum(rows_of_groups(masked(256, 1200)))) / 256, 1000, 5);
  EXPECT_EQ(rows_of_groups(masked(1, 1)), std::vector<std::int64_t>{1});
}

TEST(GroupRows, SkewsShareOutTheSameRows) {
  const GemmProblem problem = contiguous(32, 256);
  const auto all = static_cast<double>(sum(rows_of_groups(problem)));
  const auto half = rows_of_groups(problem, {.skew = Skew::kHalf});
  const auto zipf = rows_of_groups(problem, {.skew = Skew::kZipf});
  EXPECT_NEAR(static_cast<double>(sum(half)), all, 32);
  EXPECT_NEAR(static_cast<double>(sum(zipf)), all, 32);
  EXPECT_NEAR(static_cast<double>(std::ranges::max(half)), all / 2, 1);
  auto sorted = zipf;
  std::ranges::sort(sorted, std::greater());
  EXPECT_NEAR(static_cast<double>(sorted[0]) / static_cast<double>(sorted[1]), 2, 0.01);
  EXPECT_NEAR(static_cast<double>(sorted[0]) / static_cast<double>(sorted[3]), 4, 0.02);
  EXPECT_EQ(rows_of_groups(contiguous(1, 100), {.skew = Skew::kHalf}),
            std::vector<std::int64_t>{100});
}

TEST(GroupRows, MaxMHoldsEveryGroup) {
  EXPECT_EQ(max_m_of(masked(4, 20)), 128);
  EXPECT_EQ(max_m_of(masked(4, 192)), 512);
  EXPECT_EQ(max_m_of(masked(4, 192), {.max_m = 1000}), 1000);
  const GroupDraw half{.skew = Skew::kHalf};
  const std::int64_t room = max_m_of(masked(32, 192), half);
  EXPECT_GE(room, std::ranges::max(rows_of_groups(masked(32, 192), half)));
  EXPECT_EQ(room % 128, 0);
  const GroupDraw narrow{.skew = Skew::kHalf, .max_m = 200};
  EXPECT_EQ(std::ranges::max(rows_of_groups(masked(32, 192), narrow)), 200);
}

TEST(GroupRows, WhatFitsIsNotRoundedBeyondWhatMayBe) {
  const GemmProblem large = masked(32, 20'000'000);
  EXPECT_EQ(max_m_of(large), kMaxExtent / 32) << "the next power of two is twice that";
  EXPECT_EQ(why_illegal(large, {}), std::nullopt);
  EXPECT_EQ(why_illegal(masked(32, 40'000'000), {}), "max_m times groups is too large");
}

TEST(GroupRows, IllegalDrawsSayWhy) {
  EXPECT_EQ(why_illegal(masked(2, 64), {.rows = {1}}), "rows of 1 groups are given for 2 groups");
  EXPECT_EQ(why_illegal(masked(2, 64), {.max_m = 10, .rows = {1, 11}}),
            "a group of 11 rows is larger than max_m = 10");
  EXPECT_EQ(why_illegal(masked(2, 64), {.rows = {0, 0}}), "no group has a row");
  EXPECT_EQ(why_illegal(masked(2, 64), {.rows = {1, -1}}), "-1 is no number of rows");
  EXPECT_EQ(why_illegal(contiguous(2, 64), {.max_m = 10}),
            "max_m is for grouped-masked problems only");
  EXPECT_EQ(why_illegal(masked(2, 64), {.rows = {0, 11}}), std::nullopt);
}

TEST(GroupRows, ContiguousSegmentsAreAlignedAndPaddingBelongsToNobody) {
  const GroupLayout layout = layout_of(contiguous(4, 8, 8), {.rows = {9, 0, 8, 3}});
  EXPECT_EQ(layout.segments[0].first, 0);
  EXPECT_EQ(layout.segments[2].first, 16);
  EXPECT_EQ(layout.segments[3].first, 24);
  EXPECT_EQ(layout.all_rows, 32);
  EXPECT_EQ(layout.extent, 32);
  EXPECT_EQ(layout.used_rows, 20);
  const std::vector<int> map = {0, 0, 0, 0, 0, 0, 0, 0, 0, -1, -1, -1, -1, -1, -1, -1,
                                2, 2, 2, 2, 2, 2, 2, 2, 3, 3,  3,  -1, -1, -1, -1, -1};
  EXPECT_EQ(layout.rows, map);
}

TEST(GroupRows, MaskedGroupsHaveTheSameRoom) {
  const GroupLayout layout = layout_of(masked(3, 8), {.max_m = 10, .rows = {10, 0, 3}});
  EXPECT_EQ(layout.segments[2].first, 20);
  EXPECT_EQ(layout.all_rows, 30);
  EXPECT_EQ(layout.extent, 10);
  EXPECT_EQ(layout.rows, std::vector<int>({10, 0, 3}));
}

TEST(GroupRows, AllRowsAreThoseOfTheLayout) {
  const GroupDraw skewed{.skew = Skew::kZipf};
  for (const GemmProblem& problem : {masked(6, 20), contiguous(6, 20, 16)}) {
    for (const GroupDraw& draw : {GroupDraw{}, skewed, GroupDraw{.rows = {9, 0, 17, 3, 100, 1}}}) {
      EXPECT_EQ(all_rows(problem, draw), layout_of(problem, draw).all_rows);
    }
  }
  EXPECT_EQ(all_rows(masked(6, 20), {.max_m = 1000}), 6000);
  EXPECT_EQ(all_rows({.m = 5, .n = 8, .k = 16}), 5);
}

TEST(GroupRows, MemoryIsThatOfTheRowsThatAreMeasured) {
  const GemmProblem problem = masked(32, 64);
  const std::int64_t usual = workspace_bytes(problem, {}, 0);
  const std::int64_t roomy = workspace_bytes(problem, {.max_m = 10000}, 0);
  EXPECT_GE(roomy - usual, 32 * (10000 - 128) * (problem.k + 6 * problem.n));
  EXPECT_GT(workspace_bytes(contiguous(2, 64), {.rows = {100000, 0}}, 0),
            workspace_bytes(contiguous(2, 64), {}, 0) + 99000 * problem.k);
}

TEST(GroupRows, OnlyUsedRowsAndTheirGroupsAreWork) {
  const GemmProblem problem = masked(3, 8);
  const GroupDraw draw{.max_m = 10, .rows = {10, 0, 3}};
  EXPECT_DOUBLE_EQ(flops(problem, draw), 2.0 * 13 * 4096 * 7168);
  EXPECT_EQ(bytes_written(problem, draw), 2 * 13 * 4096);
  EXPECT_EQ(bytes_read(problem, draw), (13 + 2 * 4096) * 7168 + 4 * 56 * (13 + 2 * 32));
  EXPECT_DOUBLE_EQ(flops(problem), flops(problem, GroupDraw{}));
}

TEST(GroupRows, ADescriptionTellsDrawsApart) {
  EXPECT_EQ(describe(contiguous(2, 8), {}), "rows: even");
  EXPECT_EQ(describe(contiguous(2, 8), {.skew = Skew::kZipf}), "rows: zipf");
  EXPECT_EQ(describe(masked(2, 8), {.rows = {7, 0}}), "rows: 7 0, max_m 128");
}

TEST(GroupRows, AWinnerNamesTheRowsThatAreNotTheUsualOnes) {
  const GroupDraw draws[] = {{.skew = Skew::kZipf},
                             {.skew = Skew::kHalf, .max_m = 4096},
                             {.max_m = 2048},
                             {.max_m = 64, .rows = {7, 0, 3}}};
  for (const GroupDraw& draw : draws) {
    const GemmProblem problem = masked(3, 8);
    const std::string rows = unusual_rows(problem, draw);
    EXPECT_EQ(rows, describe(problem, draw));
    const auto found = draw_of(problem, rows);
    ASSERT_TRUE(found) << rows;
    EXPECT_EQ(rows_of_groups(problem, *found), rows_of_groups(problem, draw)) << rows;
    EXPECT_EQ(max_m_of(problem, *found), max_m_of(problem, draw)) << rows;
  }
  EXPECT_EQ(unusual_rows(masked(3, 8), {}), "");
  EXPECT_EQ(unusual_rows(masked(3, 8), {.max_m = 128}), "") << "which is what it has anyway";
  EXPECT_EQ(draw_of(masked(3, 8), ""), GroupDraw{});
  for (const std::string nonsense :
       {"rows: pareto, max_m 128", "rows: 7 0, max_m 128", "zipf", "rows: zipf, max_m 128 ",
        "rows: 7 0 99999999999999999999, max_m 128", "rows: 7 0 3x, max_m 128"}) {
    EXPECT_EQ(draw_of(masked(3, 8), nonsense), std::nullopt) << nonsense;
  }
}

TEST(GroupRows, ATrialTellsOfTheRowsOfItsPolicy) {
  Trial trial;
  trial.problem = contiguous(4, 64);
  trial.outcome = Outcome::kMeasured;
  trial.policy = "cold; rows: even";
  EXPECT_TRUE(tells_of(trial, ""));
  EXPECT_FALSE(tells_of(trial, "rows: zipf"));
  trial.policy = "cold; rows: zipf";
  EXPECT_FALSE(tells_of(trial, ""));
  EXPECT_TRUE(tells_of(trial, "rows: zipf"));
  trial.policy = "";
  trial.outcome = Outcome::kCompileFailed;
  EXPECT_TRUE(tells_of(trial, "rows: zipf")) << "it fails whatever the rows";
  trial.outcome = Outcome::kPredicted;
  EXPECT_FALSE(tells_of(trial, "rows: zipf"));
}

TEST(GroupRows, ACallsDrawsAreGivenOnce) {
  GroupDraws draws(GroupDraw{.skew = Skew::kHalf, .max_m = 64});
  EXPECT_TRUE(draws.give(masked(2, 8), {.rows = {7, 0}}));
  EXPECT_TRUE(draws.give(masked(2, 8), {.rows = {7, 0}}));
  EXPECT_FALSE(draws.give(masked(2, 8), {.rows = {0, 7}}));
  EXPECT_EQ(draws.of(masked(2, 8)).rows, std::vector<std::int64_t>({7, 0}));
  EXPECT_EQ(draws.of(masked(3, 8)).max_m, 64);
  EXPECT_EQ(draws.of(contiguous(3, 8)).max_m, 0) << "which has none";
  EXPECT_EQ(draws.of({.m = 1, .n = 8, .k = 16}), GroupDraw{});
}

TEST(GroupRows, ExpectedRowsStandForAllGroups) {
  double groups = 0;
  double rows = 0;
  const ExpectedRows expected(contiguous(256, 1000));
  expected.for_each([&](std::int64_t each, double weight) {
    groups += weight;
    rows += weight * static_cast<double>(each);
    EXPECT_LE(each, expected.most());
  });
  EXPECT_DOUBLE_EQ(groups, 256);
  EXPECT_NEAR(rows / groups, 1000, 20);
  EXPECT_EQ(ExpectedRows({.m = 77, .n = 8, .k = 16}).most(), 77);
}

}  // namespace
}  // namespace deepgemm::core
