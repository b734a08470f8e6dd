#include "app/bench_text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>

#include "app/bench_summary.h"
#include "app/bench_warnings.h"
#include "app/text.h"
#include "autotune/statistics.h"

namespace deepgemm::app {
namespace {

using core::Contender;

autotune::BenchmarkEntry entry(Contender contender, double median_us, double noise = 0.001) {
  autotune::BenchmarkEntry made{};
  made.contender = contender;
  std::vector<double> samples;
  for (int i = 0; i < 30; ++i) samples.push_back(median_us * (1 + noise * (i % 3 - 1)));
  made.measurement = autotune::summarise(samples);
  made.measurement.sm_clock_mhz = 1980;
  made.check.verification.reference = "cublaslt-block";
  return made;
}

// Ours takes 10 µs; cuBLASLt block-scaled `block_us`, the memory floor `floor_us`.
BenchLine line(std::int64_t m, double block_us, double floor_us = 5) {
  BenchLine made;
  made.choice.match = "exact";
  made.row.problem = {.m = m, .n = 2112, .k = 7168};
  made.row.entries = {entry(Contender::kCandidate, 10), entry(Contender::kDefault, 10.02),
                      entry(Contender::kCublasLtBlock, block_us),
                      entry(Contender::kMemoryFloor, floor_us)};
  return made;
}

BenchReport report(std::vector<BenchLine> lines) {
  BenchReport made;
  made.command = {"deepgemm-bench", "--preset", "deepseek-v3"};
  made.device.clock_mhz = 1980;
  made.tensor_tflops = 1400;
  made.lines = std::move(lines);
  return made;
}

std::string line_of(const std::string& text, std::string_view start) {
  std::istringstream lines(text);
  for (std::string each; std::getline(lines, each);) {
    if (trim(each).starts_with(start)) return each;
  }
  return "";
}

TEST(BenchText, FitsAHundredColumnsAtTheLargestShapes) {
  BenchLine wide = line(65536, 954321);
  wide.row.problem = {.m = 65536, .n = 129280, .k = 65536};
  wide.row.entries = {entry(Contender::kCandidate, 854321, 0.1), entry(Contender::kDefault, 9e5),
                      entry(Contender::kCublasLtBlock, 9e5),
                      entry(Contender::kCublasLtTensorwide, 8e5),
                      entry(Contender::kMemoryFloor, 9e5)};
  wide.choice.match = "bucket";
  wide.gpu_processes = 2;
  std::istringstream lines(render_text(report({line(1, 20), wide}), Paint::kPlain));
  for (std::string each; std::getline(lines, each);) EXPECT_LE(display_width(each), 100U) << each;
}

TEST(BenchText, MarksADifferenceInsideTheNoise) {
  const std::string text = render_text(report({line(64, 12)}), Paint::kPlain);
  const std::string row = line_of(text, "64 ");
  EXPECT_NE(row.find("1.20x "), std::string::npos) << text;
  EXPECT_NE(row.find("1.00x≈"), std::string::npos) << text;
}

TEST(BenchText, PaintsOnlyWhereAsked) {
  const BenchReport slow = report({line(64, 12), line(128, 8)});
  EXPECT_EQ(render(slow, Format::kTable).find('\x1b'), std::string::npos);
  EXPECT_EQ(render(slow, Format::kMarkdown).find('\x1b'), std::string::npos);
  const std::string text = render(slow, Format::kColourTable);
  for (const Colour colour : {Colour::kGreen, Colour::kRed, Colour::kDim}) {
    EXPECT_NE(text.find(escape(colour)), std::string::npos) << text;
  }
}

TEST(BenchText, AFailureIsNamedBelowTheTable) {
  BenchReport failed = report({line(64, 12)});
  failed.lines[0].row.entries[0].check.outcome = core::Outcome::kWrong;
  failed.lines[0].row.entries[0].check.detail = "3 canaries were touched";
  const std::string text = render_text(failed, Paint::kPlain);
  EXPECT_NE(text.find("64x2112x7168: wrong: 3 canaries were touched"), std::string::npos) << text;
  EXPECT_NE(text.find("1 unverified (1 row)"), std::string::npos) << text;
}

TEST(BenchText, MarkdownCarriesTheCommandAndTheConfigs) {
  const std::string text = render_markdown(report({line(64, 12)}));
  EXPECT_NE(text.find("`deepgemm-bench --preset deepseek-v3`"), std::string::npos) << text;
  EXPECT_NE(text.find(core::short_name(core::GemmConfig{})), std::string::npos) << text;
}

TEST(BenchSummary, GroupsByMAndFindsTheWorstRow) {
  BenchLine failed = line(2, 1);
  failed.row.entries[0].failure = "it fell over";
  const auto classes = [&] {
    static BenchReport measured;
    measured = report({line(1, 40), failed, line(64, 20, 9.5), line(100, 5)});
    return summarise(measured);
  }();
  ASSERT_EQ(classes.size(), 3U);
  EXPECT_EQ(classes[0].shape_class->name, "m <= 16");
  EXPECT_EQ(classes[0].shapes, 1);
  EXPECT_EQ(classes[1].shapes, 2);
  EXPECT_EQ(classes[1].at_limit, 1);
  EXPECT_NEAR(classes[1].means[1].value, 1, 1e-9);  // sqrt(2 * 1/2), cuBLASLt block-scaled
  EXPECT_EQ(classes[1].worst->row.problem.m, 100);
  EXPECT_EQ(classes[2].shape_class->name, "all m");
  EXPECT_EQ(classes[2].shapes, 3);
}

TEST(BenchSummary, ClassesCoverEveryMOnce) {
  const auto classes = shape_classes();
  for (const std::int64_t m : {1, 16, 17, 128, 129, 1024, 1025, 1 << 30}) {
    const auto holds = [m](const ShapeClass& each) { return m >= each.min_m && m <= each.max_m; };
    EXPECT_EQ(std::ranges::count_if(classes, holds), 2) << m;  // its own and "all m"
  }
}

class Warnings : public testing::Test {
 protected:
  std::vector<Warning> found() const { return warnings_of(report_, report_.lines[0]); }
  BenchLine& row() { return report_.lines[0]; }
  autotune::BenchmarkEntry& ours() { return row().row.entries[0]; }
  BenchReport report_ = report({line(64, 12)});
};

TEST_F(Warnings, AQuietRowHasNone) { EXPECT_TRUE(found().empty()); }

TEST_F(Warnings, EachHasItsCondition) {
  const auto alone = [&](Warning warning, const auto& change) {
    const BenchReport before = report_;
    change();
    EXPECT_EQ(found(), std::vector{warning}) << name(warning);
    report_ = before;
  };
  alone(Warning::kUnverified, [&] { ours().check.verification.reference.clear(); });
  alone(Warning::kThrottled, [&] { row().row.entries[2].measurement.rejected_samples = 1; });
  alone(Warning::kOtherProcess, [&] { row().gpu_processes = 2; });
  alone(Warning::kNoisy, [&] { ours() = entry(Contender::kCandidate, 10, 0.1); });
  alone(Warning::kAboveLimit, [&] { row().row.entries[3] = entry(Contender::kMemoryFloor, 11); });
  alone(Warning::kPowerCapped, [&] { ours().measurement.sm_clock_mhz = 1700; });
  alone(Warning::kBucket, [&] { row().choice.match = "bucket"; });
  alone(Warning::kOtherDevice, [&] { row().choice.match = "other-device"; });
  alone(Warning::kUntuned, [&] { row().choice.match = "none"; });
}

TEST_F(Warnings, UnknownClocksAndProcessesAreNoReasonToWarn) {
  ours().measurement.sm_clock_mhz = 0;
  row().gpu_processes = 0;
  EXPECT_TRUE(found().empty());
}

TEST_F(Warnings, TheHelpSaysWhatEachMeans) {
  std::ifstream file(DEEPGEMM_SOURCE_DIR "/app/help/bench.txt");
  const std::string help{std::istreambuf_iterator<char>(file), {}};
  std::string flat;
  for (const char c : help) {
    const bool blank = c == '\n' || c == ' ';
    if (!blank || !flat.ends_with(' ')) flat += blank ? ' ' : c;
  }
  int number = 0;
  for (const WarningText& text : warning_texts()) {
    const std::string line =
        std::to_string(++number) + " " + std::string(text.name) + " " + std::string(text.meaning);
    EXPECT_NE(flat.find(line), std::string::npos) << line;
  }
}

TEST_F(Warnings, JsonListsKindsWithTheirShapes) {
  row().choice.match = "bucket";
  const auto json = nlohmann::json::parse(render(report_, Format::kJson));
  EXPECT_EQ(json["warnings"][0]["kind"], "bucket");
  EXPECT_EQ(json["warnings"][0]["shapes"][0], "64x2112x7168");
  EXPECT_EQ(json["shapes"][0]["warnings"][0], "bucket");
  EXPECT_EQ(json["shapes"][0]["inside_noise"][0], "default");
  EXPECT_EQ(json["classes"].size(), 2U);
}

}  // namespace
}  // namespace deepgemm::app
