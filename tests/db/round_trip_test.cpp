#include <cmath>
#include <tuple>

#include "tests/db/fixture.h"

namespace deepgemm::db {
namespace {

// Structured bindings stop compiling when a field is added: then it belongs into these lists, and
// into db/columns.h.
auto fields(const core::BuildFigures& build) {
  const auto& [registers, spill, shared, seconds] = build;
  return std::tie(registers, spill, shared, seconds);
}
auto fields(const core::Verification& verification) {
  const auto& [reference, relative, max, f64, reference_f64, unwritten, canaries, repeatable,
               hash] = verification;
  return std::tie(reference, relative, max, f64, reference_f64, unwritten, canaries, repeatable,
                  hash);
}
auto fields(const core::Measurement& measurement) {
  const auto& [samples, median, spread, low, high, clock, rejected] = measurement;
  return std::tie(samples, median, spread, low, high, clock, rejected);
}

void expect_equal(const core::Trial& a, const core::Trial& b) {
  const auto& [problem, contender, config, key, outcome, detail, predicted, build, verification,
               measurement, policy] = a;
  EXPECT_EQ(problem, b.problem);
  EXPECT_EQ(contender, b.contender);
  EXPECT_EQ(config, b.config);
  EXPECT_EQ(key, b.kernel_key);
  EXPECT_EQ(outcome, b.outcome);
  EXPECT_EQ(detail, b.detail);
  EXPECT_EQ(predicted, b.predicted_us);
  EXPECT_EQ(fields(build), fields(b.build));
  EXPECT_EQ(fields(verification), fields(b.verification));
  EXPECT_EQ(fields(measurement), fields(b.measurement));
  EXPECT_EQ(policy, b.policy);
}

void expect_equal(const core::Winner& a, const core::Winner& b) {
  const auto& [problem, config, key, measured, median, spread, default_config, default_us, block,
               tensorwide, reason, trials, ranked_at, samples, ci_low, ci_high, clock, runner_up,
               runner_up_us, margin_low, margin_high, block_margin_low, block_margin_high, rows,
               asked] = a;
  EXPECT_EQ(problem, b.problem);
  EXPECT_EQ(config, b.config);
  EXPECT_EQ(key, b.kernel_key);
  EXPECT_EQ(measured, b.measured);
  EXPECT_EQ(median, b.median_us);
  EXPECT_EQ(spread, b.spread_us);
  EXPECT_EQ(default_config, b.default_config);
  EXPECT_EQ(default_us, b.default_us);
  EXPECT_EQ(block, b.cublaslt_block_us);
  EXPECT_EQ(tensorwide, b.cublaslt_tensorwide_us);
  EXPECT_EQ(reason, b.reason);
  EXPECT_EQ(trials, b.trials);
  EXPECT_EQ(ranked_at, b.ranked_at);
  EXPECT_EQ(samples, b.samples);
  EXPECT_EQ(ci_low, b.ci_low_us);
  EXPECT_EQ(ci_high, b.ci_high_us);
  EXPECT_EQ(clock, b.sm_clock_mhz);
  EXPECT_EQ(runner_up, b.runner_up_config);
  EXPECT_EQ(runner_up_us, b.runner_up_us);
  EXPECT_EQ(margin_low, b.margin_low);
  EXPECT_EQ(margin_high, b.margin_high);
  EXPECT_EQ(block_margin_low, b.cublaslt_margin_low);
  EXPECT_EQ(block_margin_high, b.cublaslt_margin_high);
  EXPECT_EQ(rows, b.rows);
  EXPECT_EQ(asked, b.asked);
}

TEST(RoundTrip, EveryFieldOfATrialAndItsEnvironment) {
  TempFolder folder;
  {
    TuningDb database(folder / "t.db", OpenMode::kTune);
    database.record(trial_of(), environment_of());
  }
  const TuningDb database(folder / "t.db", OpenMode::kReadOnly);
  const auto rows = database.all_trials(problem_of(64));
  ASSERT_EQ(rows.size(), 1u);
  expect_equal(trial_of(), rows[0].trial);
  EXPECT_EQ(rows[0].environment, environment_of());
  EXPECT_EQ(rows[0].recorded_at.size(), std::string("2026-01-01T00:00:00.000Z").size());
}

TEST(RoundTrip, EveryFieldOfAWinner) {
  TempFolder folder;
  TuningDb database(folder / "t.db", OpenMode::kTune);
  core::Winner winner = winner_of(64);
  winner.rows = "rows: zipf";
  winner.asked = "quick 1234";
  database.record(winner, environment_of());
  const auto found = database.winner(problem_of(64), environment_of(), "rows: zipf");
  ASSERT_TRUE(found);
  expect_equal(winner, *found);
  ASSERT_EQ(database.winners().size(), 1u);
  expect_equal(winner, database.winners()[0].winner);
}

TEST(RoundTrip, ACalibrationOfMoreProblemsOutlivesANewerOneOfFewer) {
  TempFolder folder;
  TuningDb database(folder / "t.db", OpenMode::kTune);
  database.record(core::Calibration{0.5, 1.5, 8}, environment_of());
  database.record(core::Calibration{0.8, 1.2, 1}, environment_of());
  EXPECT_EQ(database.calibration(environment_of()), (core::Calibration{0.5, 1.5, 8}));
  database.record(core::Calibration{0.6, 1.4, 8}, environment_of());
  EXPECT_EQ(database.calibration(environment_of()), (core::Calibration{0.6, 1.4, 8}));
}

TEST(RoundTrip, TheNewestCalibrationOfAnEnvironment) {
  TempFolder folder;
  TuningDb database(folder / "t.db", OpenMode::kTune);
  EXPECT_FALSE(database.calibration(environment_of()));
  database.record(core::Calibration{0.5, 1.5}, environment_of());
  database.record(core::Calibration{0.8, 1.2}, environment_of());
  database.record(core::Calibration{0.7, 1.0}, environment_of("h20"));
  EXPECT_EQ(database.calibration(environment_of()), (core::Calibration{0.8, 1.2}));
}

TEST(RoundTrip, EveryFieldOfACubin) {
  TempFolder folder;
  TuningDb database(folder / "t.db", OpenMode::kTune);
  database.record(cubin_of("a"));
  const auto found = database.cubin("a");
  ASSERT_TRUE(found);
  const auto& [key, entry, config, image, build] = *found;
  const core::Cubin expected = cubin_of("a");
  EXPECT_EQ(key, expected.key);
  EXPECT_EQ(entry, expected.entry);
  EXPECT_EQ(config, expected.config);
  EXPECT_EQ(image, expected.image);
  EXPECT_EQ(fields(build), fields(expected.build));
  EXPECT_FALSE(database.cubin("b"));
}

TEST(RoundTrip, CubinsAreStoredOncePerKey) {
  TempFolder folder;
  TuningDb database(folder / "t.db", OpenMode::kTune);
  database.record(cubin_of("a"));
  core::Cubin other = cubin_of("a");
  other.entry = "other";
  database.record(other);
  EXPECT_EQ(database.cubin("a")->entry, cubin_of("a").entry);
}

TEST(RoundTrip, EmptyAndNotFiniteValues) {
  TempFolder folder;
  TuningDb database(folder / "t.db", OpenMode::kTune);
  core::Trial trial;
  trial.problem = problem_of(64);
  trial.verification.relative_error = std::nan("");
  trial.verification.max_error = INFINITY;
  database.record(trial, {});
  const core::Trial read = database.all_trials(problem_of(64)).at(0).trial;
  EXPECT_TRUE(std::isnan(read.verification.relative_error));
  EXPECT_EQ(read.verification.max_error, INFINITY);
  EXPECT_TRUE(read.measurement.samples_us.empty());
  EXPECT_EQ(read.detail, "");
}

TEST(Trials, NewestPerContenderAndConfigOfAnEqualEnvironment) {
  TempFolder folder;
  TuningDb database(folder / "t.db", OpenMode::kTune);
  core::Environment other = environment_of();
  other.driver = "570.00 (CUDA 12.8)";
  core::Trial old_trial = trial_of(64, 100);
  old_trial.detail = "old";
  core::Trial as_default = trial_of(64, 100);
  as_default.contender = core::Contender::kDefault;
  core::Trial library = trial_of(64, 100);
  library.contender = core::Contender::kCublasLtBlock;
  core::Trial library_again = trial_of(64, 500);
  library_again.contender = core::Contender::kCublasLtBlock;
  library_again.detail = "again";
  for (const core::Trial& trial : {old_trial, as_default, library, trial_of(64, 100),
                                   trial_of(64, 150), library_again, trial_of(65, 160)}) {
    database.record(trial, environment_of());
  }
  database.record(trial_of(64, 170), other);

  const auto trials = database.trials(problem_of(64), environment_of());
  ASSERT_EQ(trials.size(), 4u);
  EXPECT_EQ(trials[0].contender, core::Contender::kDefault);
  EXPECT_EQ(trials[1].detail, trial_of().detail);
  EXPECT_EQ(trials[2].config, config_of(150));
  EXPECT_EQ(trials[3].detail, "again");
  EXPECT_EQ(database.all_trials(problem_of(64)).size(), 7u);
  EXPECT_EQ(database.trials(problem_of(64), other).size(), 1u);
  EXPECT_TRUE(database.trials(problem_of(64), environment_of("h20")).empty());
}

TEST(Winners, NewestPerProblemAndEnvironmentInOrder) {
  TempFolder folder;
  TuningDb database(folder / "t.db", OpenMode::kTune);
  database.record(winner_of(128), environment_of());
  database.record(winner_of(64, 9.0), environment_of());
  database.record(winner_of(64, 8.0), environment_of());
  database.record(winner_of(32), environment_of("a-gpu"));
  const auto rows = database.winners();
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].environment.device_id, "a-gpu");
  EXPECT_EQ(rows[1].winner.problem.m, 64);
  EXPECT_EQ(rows[1].winner.median_us, 8.0);
  EXPECT_EQ(rows[2].winner.problem.m, 128);
  EXPECT_LT(rows[2].id, rows[1].id);
  EXPECT_EQ(database.winner(problem_of(64), environment_of(), "")->median_us, 8.0);
  EXPECT_FALSE(database.winner(problem_of(64), environment_of("a-gpu"), ""));
}

TEST(Winners, OfOtherRowsStandBesideEachOther) {
  TempFolder folder;
  TuningDb database(folder / "t.db", OpenMode::kTune);
  core::Winner skewed = winner_of(64, 5.0);
  skewed.rows = "rows: zipf, max_m 128";
  database.record(winner_of(64, 9.0), environment_of());
  database.record(skewed, environment_of());
  EXPECT_EQ(database.winner(problem_of(64), environment_of(), "")->median_us, 9.0);
  EXPECT_EQ(database.winner(problem_of(64), environment_of(), skewed.rows)->median_us, 5.0);
  EXPECT_FALSE(database.winner(problem_of(64), environment_of(), "rows: half, max_m 128"));
  EXPECT_EQ(database.winners().size(), 2u);
}

TEST(Quarantine, IsOfAllProblemsOfAnEnvironmentThatAgrees) {
  TempFolder folder;
  TuningDb database(folder / "t.db", OpenMode::kTune);
  core::Environment unknown_limit = environment_of();
  unknown_limit.power_limit_w = 0;
  core::Environment elsewhere = environment_of();
  elsewhere.driver = "570.00 (CUDA 12.8)";
  const auto record = [&](int config, core::Outcome outcome, const core::Environment& where) {
    core::Trial trial = trial_of(config, config);
    trial.outcome = outcome;
    database.record(trial, where);
  };
  EXPECT_TRUE(database.quarantined(environment_of()).empty());
  record(100, core::Outcome::kFaulted, environment_of());
  record(120, core::Outcome::kHung, unknown_limit);
  record(140, core::Outcome::kWorkerLost, environment_of());
  record(160, core::Outcome::kWrong, environment_of());
  record(180, core::Outcome::kFaulted, elsewhere);
  record(200, core::Outcome::kMeasured, environment_of());
  const auto found = database.quarantined(environment_of());
  EXPECT_EQ(std::set<std::string>({core::to_string(found.at(0)), core::to_string(found.at(1)),
                                   core::to_string(found.at(2))}),
            std::set<std::string>({core::to_string(config_of(100)), core::to_string(config_of(120)),
                                   core::to_string(config_of(140))}));
  EXPECT_EQ(found.size(), 3u);
}

}  // namespace
}  // namespace deepgemm::db
