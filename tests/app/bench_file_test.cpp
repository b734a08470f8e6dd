#include "app/bench_file.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "app/bench_report.h"
#include "autotune/statistics.h"
#include "core/error.h"

namespace deepgemm::app {
namespace {

class BadBenchFile : public testing::Test {
 protected:
  static std::string complaint(const nlohmann::json& json) { return complaint_about(json.dump()); }
  static std::string complaint_about(const std::string& text) {
    try {
      parse_bench_file("x.json", text);
    } catch (const core::UsageError& error) {
      return error.what();
    }
    return "none";
  }
  nlohmann::json good_ = nlohmann::json::parse(R"({"schema": "deepgemm-bench/1", "policy": "p",
    "rounds": 3, "interrupted": false, "environment": {"device_id": "", "device_name": "",
    "device_uuid": "", "sms": 1, "driver": "", "nvrtc": "", "library_version": "",
    "cublaslt": "", "sources_hash": ""},
    "shapes": [{"shape": {"op": "dense", "groups": 1, "m": 1, "n": 8, "k": 16,
      "scales": "1x128_128x128", "output": "bf16"}, "config": {"block_m": 64, "later": 3},
      "status": "ok", "entries": [{"contender": "candidate",
        "measurement": {"samples_us": [1, 2], "sm_clock_mhz": 0}}]}]})");
};

TEST_F(BadBenchFile, IsRefusedWithTheReason) {
  EXPECT_EQ(complaint(good_), "none");
  EXPECT_EQ(complaint_about("{"), "'x.json' cannot be used: it is no JSON, or cut short.");
  EXPECT_NE(complaint_about("[1]").find("no report of deepgemm-bench"), std::string::npos);
  const auto changed = [&](const char* where, const nlohmann::json& value) {
    nlohmann::json json = good_;
    json[nlohmann::json::json_pointer(where)] = value;
    return complaint(json);
  };
  EXPECT_NE(changed("/schema", "deepgemm-tune/1").find("'deepgemm-tune/1'"), std::string::npos);
  EXPECT_NE(changed("/rounds", "many").find("another kind"), std::string::npos);
  EXPECT_NE(changed("/shapes/0/shape/op", "sparse").find("operation"), std::string::npos);
  EXPECT_NE(changed("/shapes/0/shape/m", 0).find("m "), std::string::npos);
  EXPECT_NE(changed("/shapes/0/entries/0/measurement/samples_us/0", -1).find("no time"),
            std::string::npos);
  EXPECT_NE(changed("/shapes/1", good_["shapes"][0]).find("twice"), std::string::npos);
  nlohmann::json without = good_;
  without.erase("policy");
  EXPECT_NE(complaint(without).find("policy"), std::string::npos);
}

autotune::BenchmarkEntry timed(core::Contender contender, double time_us) {
  autotune::BenchmarkEntry entry;
  entry.contender = contender;
  entry.check.outcome = core::Outcome::kMeasured;
  entry.measurement = autotune::summarise({time_us, time_us + 0.25, time_us - 0.125});
  entry.measurement.sm_clock_mhz = 1980;
  entry.measurement.rejected_samples = 2;
  return entry;
}

// Something in every field, so that one which is not read back shows.
BenchReport whole_report() {
  BenchReport report;
  report.command = {"deepgemm-bench", "64x2112x7168"};
  report.written_at = "2026-11-23T03:12:45Z";
  report.database = "tuning.db";
  report.device = *core::find_device_profile("h100-sxm5");
  report.device.is_profile = false;
  report.environment = {.device_id = "h100-sxm5",
                        .device_name = "a name",
                        .device_uuid = "GPU-1",
                        .sms = 132,
                        .driver = "580",
                        .nvrtc = "13.0",
                        .library_version = "0.1.0",
                        .cublaslt = "13.1.0",
                        .sources_hash = "abc",
                        .sm_clock_max_mhz = 1980,
                        .memory_clock_mhz = 2619,
                        .application_clock_mhz = 1410,
                        .power_limit_w = 700};
  report.policy = "a policy";
  report.rounds = 3;
  report.tensor_tflops = 1600;
  report.interrupted = true;
  BenchLine line;
  line.choice.match = "bucket";
  line.choice.reason = "m = 64 was tuned";
  line.choice.kernel_key = "key";
  line.choice.config.block_m = 128;
  line.gpu_processes = 2;
  line.row.problem = {.m = 60, .n = 2112, .k = 7168};
  line.row.reference = "fp32-kernel";
  line.row.reference_note = "cuBLASLt refuses it";
  autotune::BenchmarkEntry ours = timed(core::Contender::kCandidate, 10);
  ours.config = line.choice.config;
  ours.kernel_key = "key";
  ours.check.verification = {.reference = "fp32-kernel",
                             .relative_error = 0.25,
                             .max_error = 0.5,
                             .relative_error_f64 = 0.125,
                             .reference_error_f64 = 0.0625,
                             .unwritten = 1,
                             .canaries_touched = 2,
                             .repeatable = true,
                             .bits_hash = ~0ULL};
  autotune::BenchmarkEntry refused;
  refused.contender = core::Contender::kCublasLtBlock;
  refused.failure = "it refuses the shape";
  refused.check.outcome = core::Outcome::kLaunchFailed;
  refused.check.detail = "a detail";
  line.row.entries = {ours, refused, timed(core::Contender::kMemoryFloor, 8)};
  report.lines = {line};
  return report;
}

TEST(BenchFile, AWholeReportIsReadAsItWasWritten) {
  const std::string text = render_json(whole_report());
  EXPECT_EQ(render_json(parse_bench_report("x.json", text)), text);
}

TEST(BenchFile, AReportOfAnOlderVersionHasNoTimeOfWriting) {
  auto json = nlohmann::json::parse(render_json(whole_report()));
  for (const char* later : {"written_at", "tensor_tflops", "warnings", "classes"})
    json.erase(later);
  json["shapes"][0].erase("gpu_processes");
  const BenchReport report = parse_bench_report("x.json", json.dump());
  EXPECT_EQ(report.written_at, "");
  EXPECT_EQ(report.tensor_tflops, 0);
  EXPECT_TRUE(nlohmann::json::parse(render_json(report))["written_at"].is_null());
}

TEST(BenchFile, WhatANewerVersionAddsIsLeftOut) {
  auto json = nlohmann::json::parse(render_json(whole_report()));
  json["shapes"][0]["entries"][1]["contender"] = "a-library-of-tomorrow";
  json["shapes"][0]["config"]["later"] = 3;
  EXPECT_EQ(parse_bench_report("x.json", json.dump()).lines[0].row.entries.size(), 2U);
}

}  // namespace
}  // namespace deepgemm::app
