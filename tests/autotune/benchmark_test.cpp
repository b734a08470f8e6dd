#include "autotune/benchmark.h"

#include <gtest/gtest.h>

#include "autotune/interrupt.h"
#include "tests/autotune/scripted.h"
#include "tests/autotune/shapes.h"

namespace deepgemm::autotune {
namespace {

using core::Contender;
using core::Outcome;

class BenchmarkTest : public testing::Test {
 protected:
  core::Cubin cubin(int stages) {
    core::GemmConfig config;
    config.stages = stages;
    return *builder_.build(config).cubin;
  }
  BenchmarkRow run() {
    return run_benchmark(gpu_, shape(64, 2112, 7168), cubin(5), cubin(4), {.rounds = 9}, stop_);
  }

  scripted::Script script_;
  scripted::Builder builder_{script_};
  scripted::Gpu gpu_{script_};
  std::atomic<bool> stop_{false};
};

TEST_F(BenchmarkTest, MeasuresAllInTheSameRounds) {
  const BenchmarkRow row = run();
  ASSERT_EQ(row.entries.size(), 5u);
  EXPECT_EQ(row.entries[0].contender, Contender::kCandidate);
  EXPECT_EQ(row.entries[1].contender, Contender::kDefault);
  EXPECT_EQ(row.entries[2].contender, Contender::kCublasLtBlock);
  EXPECT_EQ(row.entries[3].contender, Contender::kCublasLtTensorwide);
  for (const BenchmarkEntry& each : row.entries) {
    EXPECT_EQ(each.measurement.samples_us.size(), 9u);
    EXPECT_TRUE(each.failure.empty());
  }
  EXPECT_EQ(script_.rounds, 9);
  EXPECT_EQ(script_.verifies, 2) << "ours are verified, the libraries are the reference";
  EXPECT_EQ(row.entries[0].config->stages, 5);
  EXPECT_EQ(row.entries[0].kernel_key, cubin(5).key);
  EXPECT_FALSE(row.entries[2].config);
  EXPECT_EQ(row.reference, "cublaslt-block");
}

TEST_F(BenchmarkTest, AWrongKernelIsNotTimed) {
  script_.check = [](Contender contender, const core::GemmConfig&) {
    Check check = scripted::passing_check();
    if (contender == Contender::kCandidate) {
      check.outcome = Outcome::kWrong;
      check.detail = "its error is 0.1";
    }
    return check;
  };
  const BenchmarkRow row = run();
  EXPECT_EQ(row.entries[0].failure, "its error is 0.1");
  EXPECT_TRUE(row.entries[0].measurement.samples_us.empty());
  EXPECT_EQ(row.entries[1].measurement.samples_us.size(), 9u);
}

TEST_F(BenchmarkTest, WhatALibraryRefusesIsSaid) {
  script_.admit_failure = [](Contender contender, const core::GemmConfig&) {
    return contender == Contender::kCublasLtBlock ? "cuBLASLt offers no algorithm" : "";
  };
  const BenchmarkRow row = run();
  EXPECT_EQ(row.entries[2].failure, "cuBLASLt offers no algorithm");
  EXPECT_EQ(row.entries[2].check.outcome, Outcome::kLaunchFailed);
  EXPECT_EQ(row.entries[3].measurement.samples_us.size(), 9u);
}

TEST_F(BenchmarkTest, StopsWhenAsked) {
  stop_ = true;
  EXPECT_THROW(run(), Interrupted);
  stop_ = false;
  script_.on_round = [&](Round&) { stop_ = true; };
  EXPECT_THROW(run(), Interrupted);
  EXPECT_EQ(script_.rounds, 1);
}

}  // namespace
}  // namespace deepgemm::autotune
