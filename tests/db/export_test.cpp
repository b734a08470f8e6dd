// Which kernel of a bundle runs what nobody tuned.
#include "db/export.h"

#include <map>
#include <set>

#include "core/default_config.h"
#include "tests/db/fixture.h"

namespace deepgemm::db {
namespace {

core::BuildResult no_compiler(const core::GemmConfig&) {
  throw core::EnvironmentError("NVRTC is missing", "Install it.");
}

// One shape was tuned: its winner multicasts, as those of grouped products nearly all do.
class Fallback : public testing::Test {
 protected:
  Fallback() {
    core::Winner winner = winner_of(64, 7);
    winner.config = core::parse_config("block_m=128,block_n=128,cluster_m=2,math_warpgroups=2");
    winner.kernel_key = "pair";
    database_.record(winner, environment_of());
    store("pair", winner.config);
  }

  void store(const std::string& key, const core::GemmConfig& config) {
    core::Cubin cubin = cubin_of(key);
    cubin.config = config;
    database_.record(cubin);
  }

  // The untuned default, measured beside the winner.
  void record_default(const core::GemmConfig& config, const std::string& key,
                      core::Outcome outcome = core::Outcome::kMeasured) {
    core::Trial trial = trial_of(64, 130);
    trial.outcome = outcome;
    trial.contender = core::Contender::kDefault;
    trial.config = config;
    trial.kernel_key = key;
    database_.record(trial, environment_of());
    store(key, config);
  }

  Export collected(const Compile& compile) {
    return collect(database_, "h100-sxm5", {}, environment_of(), compile);
  }

  TempFolder folder_;
  TuningDb database_{folder_ / "t.db", OpenMode::kTune};
  core::GemmConfig single_ = core::parse_config("block_m=64,block_n=64");
};

TEST_F(Fallback, IsCompiledForOperationsThatNobodyTunedToo) {
  const Export result = collected([](const core::GemmConfig& config) {
    core::BuildResult built;
    built.cubin = cubin_of(core::to_string(config));
    return built;
  });
  std::set<core::Operation> operations;
  for (const auto& each : result.contents.fallbacks) {
    operations.insert(each.operation);
    EXPECT_EQ(each.environment.driver, "") << "nothing ran";
  }
  EXPECT_EQ(operations.size(), 3u);
}

TEST_F(Fallback, WithoutACompilerIsAWinnerThatAnyPartOfAGpuRuns) {
  core::Winner winner = winner_of(256, 7);
  winner.config = single_;
  winner.kernel_key = "single";
  database_.record(winner, environment_of());
  store("single", single_);
  const Export result = collected(no_compiler);
  EXPECT_EQ(result.contents.fallbacks.at(0).kernel_key, "single");
  ASSERT_EQ(result.notes.size(), 3u);
  EXPECT_NE(result.notes[0].find("NVRTC is missing"), std::string::npos);
  EXPECT_EQ(result.notes[2].find("there is no fallback for grouped-masked products, because"), 0u);
}

TEST_F(Fallback, WithoutACompilerIsTheDefaultWhereEveryWinnerMulticasts) {
  record_default(single_, "single");
  const Export result = collected(no_compiler);
  EXPECT_EQ(result.contents.fallbacks.at(0).kernel_key, "single");
  EXPECT_EQ(result.contents.fallbacks.at(0).environment, environment_of());
}

TEST_F(Fallback, IsNoKernelThatFailed) {
  for (const core::Outcome outcome : {core::Outcome::kFaulted, core::Outcome::kWrong,
                                      core::Outcome::kVerified, core::Outcome::kPredicted}) {
    record_default(single_, "single", outcome);
    EXPECT_NE(failure_of([this] { collected(no_compiler); }).find("cannot be compiled"),
              std::string::npos)
        << core::name(outcome);
  }
}

TEST_F(Fallback, WithoutACompilerIsRefusedWhereEveryKernelMulticasts) {
  record_default(core::parse_config("block_m=64,block_n=64,cluster_m=2"), "another pair");
  const std::string failure = failure_of([this] { collected(no_compiler); });
  EXPECT_EQ(failure.find("environment: the fallback of operation dense cannot be compiled"), 0u)
      << failure;
}

}  // namespace
}  // namespace deepgemm::db
