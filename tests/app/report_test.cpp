#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "app/bench_report.h"
#include "app/db_report.h"
#include "app/figures.h"
#include "app/json_report.h"
#include "app/rematch_report.h"
#include "app/tune_report.h"

namespace deepgemm::app {
namespace {

using nlohmann::json;

core::GemmProblem problem(std::int64_t m) { return {.m = m, .n = 2112, .k = 7168}; }

core::DeviceInfo device() {
  core::DeviceInfo device;
  device.id = "h100-sxm5";
  device.memory_gbps = 3000;
  device.tensor_tflops = 1400;
  device.is_profile = false;
  return device;
}

core::Measurement measurement(double median_us) {
  core::Measurement measurement;
  measurement.samples_us = {median_us, median_us};
  measurement.median_us = median_us;
  measurement.spread_us = 0.05;
  return measurement;
}

core::Winner winner(std::int64_t m, double time_us) {
  core::Winner winner;
  winner.problem = problem(m);
  winner.kernel_key = "abc";
  winner.measured = true;
  winner.median_us = time_us;
  winner.spread_us = 0.05;
  winner.default_us = 2 * time_us;
  winner.cublaslt_block_us = 1.5 * time_us;
  winner.reason = "fastest by 4.1 %";
  winner.trials = 3;
  return winner;
}

TuneReport tune_report() {
  TuneReport report;
  report.command = {"deepgemm-tune", "64:128:*2x2112x7168"};
  report.device = device();
  report.shapes_asked = 2;
  ShapeOutcome tuned;
  tuned.problem = problem(64);
  tuned.winner = winner(64, 10);
  tuned.plan.enumerated = 8;
  tuned.plan.rules = {{"shared-memory", "needs too much", 7}};
  core::Trial trial;
  trial.problem = tuned.problem;
  trial.outcome = core::Outcome::kMeasured;
  trial.measurement = measurement(10);
  trial.verification.bits_hash = ~0ULL;
  trial.detail = "not \xFF utf-8";
  tuned.trials = {trial};
  ShapeOutcome lost;
  lost.problem = problem(128);
  lost.status = ShapeStatus::kNoWinner;
  lost.why = "nothing was right";
  report.shapes = {tuned, lost};
  return report;
}

TEST(Figures, FollowTheirDefinitions) {
  const core::GemmProblem p{.m = 1000, .n = 1000, .k = 1024};
  EXPECT_NEAR(tflops(p, 100), 2 * 1000.0 * 1000 * 1024 / 100e-6 / 1e12, 1e-9);
  EXPECT_NEAR(gigabytes_per_second(p, 100), core::bytes_moved(p) / 100e-6 / 1e9, 1e-9);
  EXPECT_EQ(tflops(p, 0), 0);
  const double ratios[] = {1, 4};
  EXPECT_DOUBLE_EQ(geometric_mean(ratios), 2);
  EXPECT_EQ(geometric_mean({}), 0);
}

TEST(Figures, LimitIsTheSlowerOfMemoryAndTensorCores) {
  core::DeviceInfo gpu = device();
  const core::GemmProblem p = problem(64);
  EXPECT_DOUBLE_EQ(share_of_roofline(p, gpu, 10), gigabytes_per_second(p, 10) / gpu.memory_gbps);
  gpu.tensor_tflops = 1;
  EXPECT_DOUBLE_EQ(share_of_roofline(p, gpu, 10), tflops(p, 10));
}

TEST(Figures, UnknownIsADashAndAnEmptyField) {
  for (const Cell& unknown : {time_cell(0), ratio_cell(0), rate_cell(0), percent_cell(0)}) {
    EXPECT_EQ(unknown.shown, "-");
    EXPECT_EQ(unknown.raw, "");
  }
  EXPECT_EQ(time_cell(8.123, 0.046).shown, "8.12 ± 0.05");
  EXPECT_EQ(time_cell(712.34).shown, "712.3");
  EXPECT_EQ(predicted_cell(8.123).shown, "~8.12");
  EXPECT_EQ(ratio_cell(1.167).raw, "1.1670");
}

TEST(TuneReportTest, TableShowsWinnersLosersAndMeans) {
  const std::string text = render(tune_report(), Format::kTable);
  EXPECT_NE(text.find("10.00 ± 0.05"), std::string::npos) << text;
  EXPECT_NE(text.find("2.00x"), std::string::npos) << text;
  EXPECT_NE(text.find("nothing was right"), std::string::npos) << text;
  EXPECT_NE(text.find("geometric mean of 1 shape: 2.00x the untuned default, 1.50x cuBLASLt"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("1 candidate tried: 1 measured"), std::string::npos) << text;
  EXPECT_EQ(text.find('~'), std::string::npos) << text;
}

TEST(TuneReportTest, PredictionsAreMarked) {
  TuneReport report = tune_report();
  report.shapes[0].winner->measured = false;
  const std::string text = render(report, Format::kTable);
  EXPECT_NE(text.find("~10.00"), std::string::npos) << text;
  EXPECT_NE(text.find("not measured"), std::string::npos) << text;
  EXPECT_EQ(text.find("geometric mean"), std::string::npos) << text;
}

TEST(TuneReportTest, CsvHasOneLinePerShape) {
  const std::string csv = render(tune_report(), Format::kCsv);
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 3);
  EXPECT_TRUE(csv.starts_with("m,n,k,op,groups,alignment,rows,status,"));
  EXPECT_NE(csv.find("\n128,2112,7168,dense,1,1,,no-winner,"), std::string::npos);
}

TEST(TuneReportTest, JsonHasTheDocumentedFields) {
  const json report = json::parse(render(tune_report(), Format::kJson));
  EXPECT_EQ(report["schema"], "deepgemm-tune/1");
  EXPECT_EQ(report["command_line"], "deepgemm-tune '64:128:*2x2112x7168'");
  EXPECT_EQ(report["shapes"].size(), 2U);
  const json& first = report["shapes"][0];
  EXPECT_EQ(first["shape"]["m"], 64);
  EXPECT_EQ(first["plan"]["rejected"]["shared-memory"], 7);
  EXPECT_TRUE(report["shapes"][1]["plan"].is_null());
  EXPECT_EQ(first["winner"]["time_us"], 10);
  EXPECT_TRUE(first["winner"]["cublaslt_tensorwide_us"].is_null());
  EXPECT_EQ(first["winner"]["config"]["stages"], 4);
  EXPECT_EQ(first["trials"][0]["measurement"]["samples"], 2);
  EXPECT_TRUE(first["trials"][0]["verification"].is_null());
  EXPECT_TRUE(report["shapes"][1]["winner"].is_null());
  EXPECT_EQ(report["shapes"][1]["status"], "no-winner");
}

TEST(TuneReportTest, HeadlinesSayWhatHappened) {
  const TuneReport report = tune_report();
  EXPECT_NE(headline(report.shapes[0]).find("64x2112x7168: "), std::string::npos);
  EXPECT_EQ(headline(report.shapes[1]), "128x2112x7168: nothing was right");
  ShapeOutcome resumed = report.shapes[0];
  resumed.status = ShapeStatus::kResumed;
  EXPECT_NE(headline(resumed).find("nothing to do"), std::string::npos);
}

BenchLine bench_line(std::int64_t m, double ours_us, double block_us) {
  BenchLine line;
  line.choice = {"exact", "m was tuned", {}, "abc"};
  line.row.problem = problem(m);
  line.row.reference = "cublaslt-block";
  using core::Contender;
  for (const auto& [contender, time_us] : {std::pair(Contender::kCandidate, ours_us),
                                           std::pair(Contender::kCublasLtBlock, block_us)}) {
    autotune::BenchmarkEntry entry{};
    entry.contender = contender;
    if (time_us > 0) entry.measurement = measurement(time_us);
    line.row.entries.push_back(entry);
  }
  return line;
}

BenchReport bench_report() {
  BenchReport report;
  report.device = device();
  report.lines = {bench_line(1, 10, 10), bench_line(64, 10, 40), bench_line(128, 10, 10)};
  return report;
}

TEST(BenchReportTest, MeansSplitAtPrefill) {
  const BenchReport report = bench_report();
  EXPECT_NEAR(mean_ratio(report.lines, core::Contender::kCublasLtBlock, 1).value, std::cbrt(4.0),
              1e-12);
  EXPECT_NEAR(mean_ratio(report.lines, core::Contender::kCublasLtBlock, 64).value, 2, 1e-12);
  EXPECT_EQ(mean_ratio(report.lines, core::Contender::kDefault, 1).shapes, 0);
}

TEST(BenchReportTest, AWrongKernelIsAFaultAndLeavesTheMeans) {
  BenchReport report = bench_report();
  auto& check = report.lines[1].row.entries[0].check;
  check.outcome = core::Outcome::kWrong;
  check.detail = "3 canaries were touched";
  EXPECT_EQ(fault(report.lines[0]), "");
  EXPECT_EQ(fault(report.lines[1]), "wrong: 3 canaries were touched");
  EXPECT_NEAR(mean_ratio(report.lines, core::Contender::kCublasLtBlock, 64).value, 1, 1e-12);
}

TEST(BenchReportTest, ARefusalOfCublasLtIsNoFault) {
  BenchLine line = bench_line(64, 10, 0);
  line.row.entries[1].failure = "cuBLASLt has no algorithm";
  EXPECT_EQ(fault(line), "");
}

TEST(BenchReportTest, TheLimitIsMeasured) {
  BenchReport report = bench_report();
  EXPECT_EQ(share_of_limit(report, report.lines[0]), 0) << "no ceiling was measured";
  EXPECT_NE(render(report, Format::kTable).find("No limit"), std::string::npos);

  report.tensor_tflops = 1000;
  autotune::BenchmarkEntry floor{};
  floor.contender = core::Contender::kMemoryFloor;
  floor.measurement = measurement(8);
  for (auto& line : report.lines) line.row.entries.push_back(floor);
  EXPECT_DOUBLE_EQ(limit_us(report, report.lines[0]), 8);
  EXPECT_DOUBLE_EQ(share_of_limit(report, report.lines[0]), 0.8);
  EXPECT_EQ(render(report, Format::kTable).find("above 100 %"), std::string::npos);

  report.lines[1].row.entries.back().measurement = measurement(11);
  EXPECT_NE(render(report, Format::kTable).find("5 above-limit (1 row)"), std::string::npos);
}

TEST(BenchReportTest, JsonAndMarkdownHoldEveryShape) {
  const json report = json::parse(render(bench_report(), Format::kJson));
  EXPECT_EQ(report["schema"], "deepgemm-bench/1");
  EXPECT_EQ(report["shapes"].size(), 3U);
  EXPECT_EQ(report["shapes"][1]["over_cublaslt_block"], 4);
  EXPECT_TRUE(report["shapes"][1]["over_default"].is_null());
  EXPECT_EQ(report["geometric_means"][1]["cublaslt_block_shapes"], 2);
  const std::string markdown = render(bench_report(), Format::kMarkdown);
  EXPECT_NE(markdown.find("| 64 | 2112 | 7168 | 10.00 | 0.05 |"), std::string::npos) << markdown;
}

TEST(DbReportTest, TrialsOfTwoEnvironmentsAreTwoTables) {
  TrialsReport report;
  for (const char* driver : {"1", "2", "1"}) {
    db::TrialRow row;
    row.trial.problem = problem(64);
    row.trial.outcome = core::Outcome::kMeasured;
    row.trial.measurement = measurement(10);
    row.environment.driver = driver;
    report.trials.push_back(row);
  }
  const std::string text = render(report, Format::kTable);
  EXPECT_NE(text.find("driver 1"), std::string::npos) << text;
  EXPECT_EQ(text.find("driver 1"), text.rfind("driver 1")) << text;
  EXPECT_NE(text.find("driver 2"), std::string::npos) << text;
  const json parsed = json::parse(render(report, Format::kJson));
  EXPECT_EQ(parsed["trials"].size(), 3U);
  EXPECT_EQ(parsed["trials"][0]["trial"]["measurement"]["samples_us"].size(), 2U);
}

TEST(DbReportTest, ListHasOneLinePerWinner) {
  WinnersReport report;
  report.winners.resize(2);
  report.winners[0].winner = winner(64, 10);
  report.winners[1].winner = winner(128, 20);
  report.winners[1].winner.measured = false;
  const std::string text = render(report, Format::kTable);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3) << text;
  EXPECT_NE(text.find("~20.00"), std::string::npos) << text;
}

// A range from the ratios that there are: 1 is in it only where a row has it.
TEST(RematchReportTest, TheRangeIsThatOfItsRows) {
  RematchReport report;
  RematchLine line;
  line.problem = problem(64);
  line.after.stages = 5;
  for (const double time_us : {10.0, 12.0}) {
    autotune::BenchmarkEntry entry;
    entry.measurement = measurement(time_us);
    entry.measurement.samples_us.assign(8, time_us);
    line.entries.push_back(entry);
  }
  report.lines = {line};
  const json all = json::parse(render(report, Format::kJson))["new_over_old"];
  EXPECT_NEAR(all["smallest"].get<double>(), 1.2, 1e-9);
  EXPECT_NEAR(all["largest"].get<double>(), 1.2, 1e-9);
}

}  // namespace
}  // namespace deepgemm::app
