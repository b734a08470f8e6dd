#include "app/comparison.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "app/compare_report.h"
#include "app/text.h"
#include "core/error.h"

namespace deepgemm::app {
namespace {

// Runs of one database on one H100, 49 shapes with 30 samples each: nothing changed between them.
BenchFile real_run(int number) {
  return read_bench_file(DEEPGEMM_SOURCE_DIR "/tests/data/bench_run" + std::to_string(number) +
                         ".json");
}

BenchFile slowed(BenchFile file, double factor) {
  for (BenchedShape& shape : file.shapes) {
    for (double& sample : shape.entries.at(core::Contender::kCandidate).samples_us) {
      sample *= factor;
    }
  }
  return file;
}

// Verdicts of all ordered pairs of the real runs, the new one slowed.
std::map<Verdict, long long> verdicts(double factor, const CompareOptions& options = {}) {
  std::map<Verdict, long long> counts;
  for (int before = 1; before <= 3; ++before) {
    for (int after = 1; after <= 3; ++after) {
      if (before == after) continue;
      const Comparison result = compare(real_run(before), slowed(real_run(after), factor), options);
      for (const ComparedShape& shape : result.shapes) ++counts[shape.verdict];
    }
  }
  return counts;
}

constexpr long long kRows = 6 * 49;

TEST(Comparison, RunsOfOneDatabaseAreTheSame) {
  auto counts = verdicts(1);
  EXPECT_LE(100 * (counts[Verdict::kSlower] + counts[Verdict::kFaster]), kRows);
  EXPECT_GE(100 * counts[Verdict::kSame], 95 * kRows);
}

TEST(Comparison, FindsASlowDownAndASpeedUpOfFivePercent) {
  EXPECT_GE(100 * verdicts(1.05)[Verdict::kSlower], 95 * kRows);
  EXPECT_GE(100 * verdicts(1 / 1.05)[Verdict::kFaster], 95 * kRows);
}

TEST(Comparison, OptionsDecideWhatCounts) {
  EXPECT_EQ(verdicts(1.05, {.threshold = 0.10})[Verdict::kSlower], 0);
  EXPECT_EQ(verdicts(1.05, {.drift = 0.06})[Verdict::kSlower], 0);
  const auto found = [](double confidence) {
    return verdicts(1.04, {.drift = 0.02, .confidence = confidence})[Verdict::kSlower];
  };
  EXPECT_GT(found(0.5), found(0.9999));
}

TEST(Comparison, TheIntervalWidensWithTheNumberOfRows) {
  BenchFile one = real_run(1);
  one.shapes.resize(1);
  const Comparison alone = compare(one, real_run(2), {});
  const Comparison among = compare(real_run(1), real_run(2), {});
  EXPECT_LT(alone.shapes[0].interval.high, among.shapes[0].interval.high);
  EXPECT_GT(alone.shapes[0].interval.low, among.shapes[0].interval.low);
}

TEST(Comparison, TooFewSamplesAreAmbiguous) {
  BenchFile file = real_run(1);
  file.shapes.resize(1);
  file.shapes[0].entries.at(core::Contender::kCandidate).samples_us.resize(5);
  const Comparison result = compare(file, slowed(real_run(2), 2), {});
  EXPECT_EQ(result.shapes[0].verdict, Verdict::kAmbiguous);
  EXPECT_NE(render({{}, result}, Format::kTable).find("fewer than 6 samples"), std::string::npos);
}

TEST(Comparison, NoisySamplesAreAmbiguousNotTheSame) {
  BenchFile file = real_run(1);
  file.shapes.resize(1);
  auto& samples = file.shapes[0].entries.at(core::Contender::kCandidate).samples_us;
  for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = i % 2 == 0 ? 10 : 14;
  EXPECT_EQ(compare(file, file, {}).shapes[0].verdict, Verdict::kAmbiguous);
}

TEST(Comparison, SaysWhichShapesItLeavesOut) {
  BenchFile before = real_run(1);
  BenchFile after = real_run(2);
  before.shapes.resize(3);
  after.shapes.erase(after.shapes.begin());
  after.shapes.resize(3);  // 2nd, 3rd and 4th of all
  after.shapes[0].status = "wrong: 3 canaries were touched";
  const Comparison result = compare(before, after, {});
  EXPECT_EQ(result.shapes.size(), 1U);
  ASSERT_EQ(result.left_out.size(), 3U);
  EXPECT_EQ(result.left_out[0].why, "only in OLD");
  EXPECT_EQ(result.left_out[1].why, "NEW: wrong: 3 canaries were touched");
  EXPECT_TRUE(result.left_out[1].broken);
  EXPECT_EQ(result.left_out[2].why, "only in NEW");
  EXPECT_EQ(count_broken(result), 1);
}

TEST(Comparison, TimesOfOtherRowsAreNotCompared) {
  BenchFile before = real_run(1);
  before.shapes.resize(1);
  before.shapes[0].problem.operation = core::Operation::kGroupedMasked;
  before.shapes[0].problem.groups = 4;
  const core::GemmProblem& problem = before.shapes[0].problem;
  before.shapes[0].draw = {.max_m = 512, .rows = {3, 0, 5, 2}};
  EXPECT_EQ(compare(before, before, {}).shapes.size(), 1U);
  const core::GroupDraw others[] = {{.skew = core::Skew::kHalf},
                                    {.max_m = 1024, .rows = {3, 0, 5, 2}},
                                    {.max_m = 512, .rows = {3, 5, 0, 2}},
                                    {}};
  for (const core::GroupDraw& draw : others) {
    BenchFile after = before;
    after.shapes[0].draw = draw;
    const Comparison result = compare(before, after, {});
    EXPECT_TRUE(result.shapes.empty()) << core::describe(problem, draw);
    EXPECT_EQ(
        result.left_out.at(0).why,
        "measured with other rows: rows: 3 0 5 2, max_m 512; now " + core::describe(problem, draw));
  }
}

TEST(Comparison, TheSameRowsMayBeDrawnOrGiven) {
  BenchFile drawn = real_run(1);
  drawn.shapes.resize(1);
  core::GemmProblem& problem = drawn.shapes[0].problem;
  problem.operation = core::Operation::kGroupedMasked;
  problem.groups = 4;
  BenchFile given = drawn;
  given.shapes[0].draw = {.max_m = core::max_m_of(problem), .rows = core::rows_of_groups(problem)};
  EXPECT_EQ(compare(drawn, given, {}).shapes.size(), 1U);
}

TEST(Comparison, WhatWasBrokenBeforeIsNotBrokenAnew) {
  BenchFile before = real_run(1);
  BenchFile after = real_run(2);
  before.shapes[0].status = after.shapes[0].status = "not measured";
  EXPECT_EQ(count_broken(compare(before, after, {})), 0);
}

TEST(Comparison, SaysWhatDiffersBetweenTheRuns) {
  const BenchFile before = real_run(1);
  BenchFile after = before;
  EXPECT_TRUE(compare(before, after, {}).differences.empty());
  after.environment.driver = "999.1";
  after.environment.sources_hash = "0123456789abcdef";
  after.policy = "another clock";
  for (auto& shape : after.shapes) {
    shape.entries.at(core::Contender::kCandidate).sm_clock_mhz = 1410;
  }
  const Comparison result = compare(before, after, {});
  ASSERT_EQ(result.differences.size(), 4U);
  EXPECT_EQ(result.differences[0].what, "driver");
  EXPECT_TRUE(result.differences[0].of_the_machine);
  EXPECT_EQ(result.differences[1].what, "policy");
  EXPECT_EQ(result.differences[2].what, "kernel sources");
  EXPECT_EQ(result.differences[2].new_value, "0123456789ab");
  EXPECT_FALSE(result.differences[2].of_the_machine);
  EXPECT_EQ(result.differences[3].what, "SM clock (49 of 49 rows)");
}

TEST(Comparison, SaysThatThePowerLimitDiffersWhereBothKnowIt) {
  BenchFile before = real_run(1);
  BenchFile after = before;
  after.environment.power_limit_w = 500;
  EXPECT_TRUE(compare(before, after, {}).differences.empty());
  before.environment.power_limit_w = 700;
  const Comparison result = compare(before, after, {});
  ASSERT_EQ(result.differences.size(), 1U);
  EXPECT_EQ(result.differences[0].what, "power limit");
  EXPECT_EQ(result.differences[0].old_value, "700 W");
  EXPECT_TRUE(result.differences[0].of_the_machine);
}

TEST(Comparison, TheControlShowsAMachineThatChanged) {
  BenchFile after = real_run(1);
  for (auto& shape : after.shapes) {
    for (double& sample : shape.entries.at(core::Contender::kCublasLtBlock).samples_us) {
      sample *= 1.1;
    }
  }
  const Comparison result = compare(real_run(1), after, {});
  EXPECT_NEAR(result.control.ratio, 1.1, 1e-9);
  EXPECT_NE(render({{}, result}, Format::kTable).find("The machine changed"), std::string::npos);
  after.environment.cublaslt = "99.0";
  EXPECT_EQ(compare(real_run(1), after, {}).control.shapes, 0);
}

TEST(CompareReport, EveryFormHoldsTheVerdicts) {
  BenchFile after = real_run(2);
  BenchFile slow = slowed(real_run(2), 1.2);
  after.shapes[7] = slow.shapes[7];
  const CompareReport report{{"deepgemm-bench", "compare"}, compare(real_run(1), after, {})};
  const std::string table = render(report, Format::kTable);
  EXPECT_LT(table.find("\nSLOWER "), table.find("\nSAME ")) << table;
  EXPECT_NE(table.find("1 SLOWER, 0 FASTER"), std::string::npos) << table;
  const std::string markdown = render(report, Format::kMarkdown);
  EXPECT_LT(markdown.find("| SLOWER | 64 | 2112 | 7168 |"), markdown.find("<details>"));
  EXPECT_GT(markdown.find("| SAME |"), markdown.find("<details>"));
  const auto json = nlohmann::json::parse(render(report, Format::kJson));
  EXPECT_EQ(json["schema"], "deepgemm-bench-compare/1");
  EXPECT_EQ(json["counts"]["SLOWER"], 1);
  EXPECT_EQ(json["shapes"][7]["verdict"], "SLOWER");
  EXPECT_NEAR(json["shapes"][7]["ratio"].get<double>(), 1.2, 0.03);
  const std::string csv = render(report, Format::kCsv);
  EXPECT_EQ(std::ranges::count(csv, '\n'), 50);
}

TEST(CompareReport, TheTableFitsAHundredColumns) {
  CompareReport report{{}, compare(real_run(1), slowed(real_run(2), 1.2), {})};
  for (ComparedShape& shape : report.comparison.shapes) {
    shape.new_config = "128x192 s16 c2x1 w2 a2 r16 k16";
  }
  std::istringstream lines(render(report, Format::kTable));
  for (std::string line; std::getline(lines, line);) EXPECT_LE(display_width(line), 100U) << line;
}

}  // namespace
}  // namespace deepgemm::app
