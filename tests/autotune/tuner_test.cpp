#include "autotune/tuner.h"

#include <thread>

#include "core/error.h"
#include "tests/autotune/tuning.h"

namespace deepgemm::autotune {
namespace {

using core::Contender;
using core::Outcome;
using core::Trial;

class TunerTest : public TuningTest {};

TEST_F(TunerTest, TheFastestVerifiedCandidateWins) {
  const core::GemmConfig fast = candidates().at(3);
  let_win(fast, 20, 25);
  const TuneResult result = tune();
  ASSERT_TRUE(result.winner);
  EXPECT_EQ(result.winner->config, fast);
  EXPECT_TRUE(result.winner->measured);
  EXPECT_DOUBLE_EQ(result.winner->median_us, 20);
  EXPECT_DOUBLE_EQ(result.winner->default_us, 25);
  EXPECT_EQ(result.winner->default_config, fallback_);
  EXPECT_EQ(result.winner->kernel_key, builder_.key(fast));
  EXPECT_EQ(result.winner->reason, "fastest by 25.0 %");
  EXPECT_DOUBLE_EQ(result.winner->cublaslt_block_us, 25);
  EXPECT_DOUBLE_EQ(result.winner->cublaslt_tensorwide_us, 25);
  EXPECT_EQ(result.winner->trials, static_cast<int>(candidates().size()) + 1);
  EXPECT_FALSE(result.resumed);
}

TEST_F(TunerTest, EveryTrialIsRecordedWithItsEvidence) {
  const TuneResult result = tune();
  EXPECT_EQ(store_.trials(problem_, script_.environment).size(), result.trials.size());
  EXPECT_EQ(told_, static_cast<int>(store_.rows().size()));
  int defaults = 0;
  for (const auto& [trial, environment] : store_.rows()) {
    EXPECT_EQ(environment, script_.environment);
    EXPECT_EQ(trial.problem, problem_);
    EXPECT_EQ(trial.policy, "scripted");
    if (trial.outcome == Outcome::kVerified) continue;
    EXPECT_EQ(trial.outcome, Outcome::kMeasured);
    EXPECT_GE(trial.measurement.samples_us.size(), 5u);
    defaults += trial.contender == Contender::kDefault;
    if (trial.contender != Contender::kCandidate) continue;
    EXPECT_EQ(trial.kernel_key, builder_.key(trial.config));
    EXPECT_GT(trial.predicted_us, 0);
    EXPECT_EQ(trial.build.registers, 168);
    EXPECT_EQ(trial.verification.bits_hash, scripted::kRightBits);
  }
  EXPECT_EQ(defaults, 3) << "of the heat's first rounds, of the heat and of the final";
  EXPECT_EQ(stages_.front(), Stage::kEnumerate);
  EXPECT_EQ(stages_.back(), Stage::kRecord);
}

TEST_F(TunerTest, CubinsOfWinnerRunnerUpAndDefaultAreStored) {
  const std::vector<core::GemmConfig> all = candidates();
  script_.time_us = [&](Contender, const core::GemmConfig& config) {
    return config == all[0] ? 20.0 : config == all[1] ? 21.0 : 25.0;
  };
  tune();
  EXPECT_EQ(store_.cubins(), (std::set<std::string>{builder_.key(all[0]), builder_.key(all[1]),
                                                    builder_.key(fallback_)}));
}

TEST_F(TunerTest, WithinNoiseTheDefaultIsKept) {
  let_win(candidates().at(0), 24.9, 25);
  script_.noise = 0.02;
  const TuneResult result = tune();
  ASSERT_TRUE(result.winner);
  EXPECT_EQ(result.winner->config, fallback_);
  EXPECT_EQ(result.winner->reason, "default kept: no candidate gains enough");
}

TEST_F(TunerTest, TwoTunesAgreeOnTies) {
  // Everyone beats the default; any of them might lead by the noise of the day.
  script_.time_us = [](Contender contender, const core::GemmConfig& config) {
    return contender == Contender::kDefault ? 25.0 : 20 + 0.001 * (config.block_n % 7);
  };
  const TuneResult first = tune();
  script_.time_us = [](Contender contender, const core::GemmConfig& config) {
    return contender == Contender::kDefault ? 25.0 : 20 - 0.001 * (config.block_n % 7);
  };
  options_.force = true;
  const TuneResult second = tune();
  ASSERT_TRUE(first.winner && second.winner);
  EXPECT_EQ(first.winner->config, second.winner->config);
  EXPECT_EQ(second.winner->config, candidates().front());
}

TEST_F(TunerTest, SlowCandidatesDropOutEarlyAndAreRecorded) {
  let_win(candidates().at(3), 20, 25);
  tune();
  std::size_t least = 1000;
  for (const Trial& each : rows(Outcome::kMeasured)) {
    if (each.contender == Contender::kCandidate) {
      least = std::min(least, each.measurement.samples_us.size());
    }
  }
  EXPECT_EQ(least, 5u);
  EXPECT_EQ(script_.rounds, 25 + 20) << "no noise: the least rounds of heat and final are enough";
  EXPECT_EQ(script_.admitted_now, 5) << "winner, runner-up, default and libraries are left";
}

// --- Failures ---

TEST_F(TunerTest, AWrongResultNeverWins) {
  const core::GemmConfig fast = candidates().at(2);
  let_win(fast, 10, 25);
  script_.check = [&](Contender, const core::GemmConfig& config) {
    Check check = scripted::passing_check();
    if (config == fast) {
      check.outcome = Outcome::kWrong;
      check.detail = "its relative error is 0.3";
      check.verification.relative_error = 0.3;
    }
    return check;
  };
  const TuneResult result = tune();
  ASSERT_TRUE(result.winner);
  EXPECT_NE(result.winner->config, fast);
  const std::vector<Trial> wrong = rows(Outcome::kWrong);
  ASSERT_EQ(wrong.size(), 1u);
  EXPECT_EQ(wrong[0].config, fast);
  EXPECT_EQ(wrong[0].detail, "its relative error is 0.3");
  EXPECT_DOUBLE_EQ(wrong[0].verification.relative_error, 0.3);
  EXPECT_TRUE(wrong[0].measurement.samples_us.empty());
  EXPECT_EQ(script_.admitted_now, 11 + 3) << "all tie; the default and the libraries are left, too";
}

TEST_F(TunerTest, DifferingBitsAreWrongEvenWithinTolerance) {
  const core::GemmConfig fast = candidates().at(2);
  let_win(fast, 10, 25);
  script_.check = [&](Contender, const core::GemmConfig& config) {
    Check check = scripted::passing_check();
    if (config == fast) check.verification.bits_hash = scripted::kRightBits + 1;
    return check;
  };
  const TuneResult result = tune();
  ASSERT_TRUE(result.winner);
  EXPECT_NE(result.winner->config, fast);
  const std::vector<Trial> wrong = rows(Outcome::kWrong);
  ASSERT_EQ(wrong.size(), 1u);
  EXPECT_EQ(wrong[0].config, fast);
  EXPECT_NE(wrong[0].detail.find("differs in bits"), std::string::npos) << wrong[0].detail;
}

TEST_F(TunerTest, CompileFailuresAreRecorded) {
  const core::GemmConfig broken = candidates().at(1);
  script_.compile_failure = [&](const core::GemmConfig& config) {
    return config == broken ? "ptxas serialises its wgmma" : "";
  };
  const TuneResult result = tune();
  EXPECT_TRUE(result.winner);
  const std::vector<Trial> failed = rows(Outcome::kCompileFailed);
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_EQ(failed[0].config, broken);
  EXPECT_EQ(failed[0].detail, "ptxas serialises its wgmma");
}

TEST_F(TunerTest, WhereNoCandidateCompilesTheDefaultIsKept) {
  script_.compile_failure = [&](const core::GemmConfig& config) {
    return config == fallback_ ? "" : "it spills 16 bytes of registers per thread";
  };
  const TuneResult result = tune();
  ASSERT_TRUE(result.winner);
  EXPECT_EQ(result.winner->config, fallback_);
  EXPECT_EQ(result.winner->reason, "default kept: no other candidate survived");
  EXPECT_EQ(rows(Outcome::kCompileFailed).size(), candidates().size());
}

TEST_F(TunerTest, LaunchFailuresAndRefusingLibrariesAreRecorded) {
  const core::GemmConfig refused = candidates().at(1);
  script_.admit_failure = [&](Contender contender, const core::GemmConfig& config) {
    if (contender == Contender::kCublasLtBlock) return "cuBLASLt refuses m = 1";
    return contender == Contender::kCandidate && config == refused ? "the driver refuses it" : "";
  };
  const TuneResult result = tune();
  ASSERT_TRUE(result.winner);
  EXPECT_EQ(result.winner->cublaslt_block_us, 0);
  EXPECT_GT(result.winner->cublaslt_tensorwide_us, 0);
  const std::vector<Trial> failed = rows(Outcome::kLaunchFailed);
  ASSERT_EQ(failed.size(), 2u);
  EXPECT_EQ(failed[0].config, refused);
  EXPECT_EQ(failed[1].contender, Contender::kCublasLtBlock);
  EXPECT_EQ(failed[1].detail, "cuBLASLt refuses m = 1");
}

TEST_F(TunerTest, AFailedDefaultLeavesTheFastestCandidate) {
  script_.compile_failure = [&](const core::GemmConfig& config) {
    return config == fallback_ ? "refused" : "";
  };
  const TuneResult result = tune();
  ASSERT_TRUE(result.winner);
  EXPECT_EQ(result.winner->default_us, 0);
  EXPECT_EQ(result.winner->reason.rfind("fastest; the default did not survive", 0), 0u);
}

TEST_F(TunerTest, NoSurvivorIsSaid) {
  script_.compile_failure = [](const core::GemmConfig&) { return "refused"; };
  const TuneResult result = tune();
  EXPECT_FALSE(result.winner);
  EXPECT_EQ(result.why, "no candidate survived; the first failure: compile-failed: refused");
  EXPECT_TRUE(store_.winners().empty());
  const int builds = script_.builds;
  EXPECT_FALSE(tune().winner);
  EXPECT_EQ(script_.builds, builds) << "what failed is not tried again";
}

TEST_F(TunerTest, AnEmptySpaceStillMeasuresTheDefault) {
  space_.fix("block_n", {100});
  const TuneResult result = tune();
  ASSERT_TRUE(result.winner);
  EXPECT_EQ(result.winner->config, fallback_);
  ASSERT_FALSE(notes_.empty());
  EXPECT_TRUE(notes_[0].starts_with("no config that --fix allows passes the rules")) << notes_[0];
}

TEST_F(TunerTest, IllegalShapesAreUsageErrors) {
  problem_ = shape(1, 7, 16);
  EXPECT_THROW(tune(), core::UsageError);
}

TEST_F(TunerTest, AMissingCompilerEndsTheTune) {
  script_.on_build = [] { throw core::EnvironmentError("there is no NVRTC", "Install it."); };
  EXPECT_THROW(tune(), core::EnvironmentError);
}

TEST_F(TunerTest, TheReferencesNoteIsPassedOn) {
  script_.reference_note = "cuBLASLt refuses this shape: the fp32 kernel is the reference";
  tune();
  EXPECT_EQ(notes_, std::vector<std::string>{script_.reference_note});
}

// --- Without a GPU ---

TEST_F(TunerTest, OnAProfileTheBestPredictedIsRecordedUnmeasured) {
  const TuneResult result = tune(false);
  ASSERT_TRUE(result.winner);
  EXPECT_FALSE(result.winner->measured);
  EXPECT_EQ(script_.builds, 5) << "four and the default";
  EXPECT_EQ(script_.rounds, 0);
  EXPECT_DOUBLE_EQ(result.winner->median_us, result.plan.ranked.front().prediction.total_us);
  EXPECT_EQ(rows(Outcome::kPredicted).size(), 5u);
  EXPECT_EQ(rows(Outcome::kPredicted)[0].contender, Contender::kDefault);
  EXPECT_TRUE(store_.cubins().contains(result.winner->kernel_key));
  EXPECT_TRUE(store_.cubins().contains(builder_.key(fallback_)));
}

TEST_F(TunerTest, OnAProfileWhatDoesNotCompileIsNotProposed) {
  const core::GemmConfig best = tune(false).winner->config;
  options_.force = true;
  script_.compile_failure = [&](const core::GemmConfig& config) {
    return config == best ? "refused" : "";
  };
  const TuneResult result = tune(false);
  ASSERT_TRUE(result.winner);
  EXPECT_NE(result.winner->config, best);
  EXPECT_EQ(rows(Outcome::kCompileFailed).size(), 1u);
}

// --- Names ---

TEST(TunerNames, EffortsAndStages) {
  for (const Effort each : {Effort::kQuick, Effort::kDefault, Effort::kExhaustive}) {
    EXPECT_EQ(effort_named(name(each)), each);
  }
  EXPECT_EQ(effort_named("huge"), std::nullopt);
  EXPECT_EQ(name(Stage::kEnumerate), "enumerate");
  EXPECT_EQ(name(Stage::kRecord), "record");
}

TEST_F(TunerTest, WhatTheGpuHasNoMemoryForEndsThatProblemAlone) {
  script_.on_prepare = [] { throw core::UsageError("it needs 900 GB", "Make m smaller"); };
  const TuneResult result = tune();
  EXPECT_FALSE(result.winner);
  EXPECT_EQ(result.why, "it needs 900 GB; Make m smaller");
  EXPECT_TRUE(store_.rows().empty());
}

TEST_F(TunerTest, WhatHungForOneProblemIsTriedForNoOther) {
  const core::GemmConfig hangs = candidates().at(0);
  script_.check = [&](core::Contender, const core::GemmConfig& config) {
    Check check = scripted::passing_check();
    if (config == hangs) check.outcome = core::Outcome::kHung;
    return check;
  };
  tune();
  problem_ = shape(500, 4096, 7168);
  const std::vector<core::GemmConfig> others = candidates();
  ASSERT_NE(std::ranges::find(others, hangs), others.end()) << "the model wants it there, too";
  const TuneResult result = tune();
  EXPECT_TRUE(result.winner);
  EXPECT_EQ(rows_of(hangs), 1);
  ASSERT_EQ(notes_.size(), 1u);
  EXPECT_TRUE(notes_[0].starts_with("1 kernel is left out")) << notes_[0];
  EXPECT_TRUE(tune().resumed);
  options_.force = true;
  tune();
  EXPECT_EQ(rows_of(hangs), 2);
}

}  // namespace
}  // namespace deepgemm::autotune
