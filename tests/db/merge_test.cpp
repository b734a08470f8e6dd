// Merging and pruning.
#include "db/evidence.h"
#include "db/row_choice.h"
#include "tests/db/fixture.h"

namespace deepgemm::db {
namespace {

core::Environment other_driver() {
  core::Environment environment = environment_of();
  environment.driver = "590.10 (CUDA 13.1)";
  return environment;
}

core::Trial loser(int first, double median_us) {
  core::Trial trial = trial_of(64, first);
  trial.measurement.median_us = median_us;
  return trial;
}

TEST(Merge, UnitesTheEvidenceOfOneEnvironment) {
  TempFolder folder;
  TuningDb a(folder / "a.db", OpenMode::kTune);
  TuningDb b(folder / "b.db", OpenMode::kTune);
  a.record(loser(100, 9), environment_of());
  b.record(loser(110, 8), environment_of());
  b.record(winner_of(64), environment_of());
  b.record(cubin_of("k"));
  const Merged merged = a.merge(b);
  EXPECT_EQ(merged.trials, 1);
  EXPECT_EQ(merged.winners, 1);
  EXPECT_EQ(merged.cubins, 1);
  EXPECT_EQ(a.trials(problem_of(64), environment_of()).size(), 2u);
  EXPECT_TRUE(a.winner(problem_of(64), environment_of(), "").has_value());
  EXPECT_TRUE(a.cubin("k").has_value());
}

TEST(Merge, KeepsOtherEnvironmentsApart) {
  TempFolder folder;
  TuningDb a(folder / "a.db", OpenMode::kTune);
  TuningDb b(folder / "b.db", OpenMode::kTune);
  a.record(loser(100, 9), environment_of());
  b.record(loser(100, 9), other_driver());
  a.merge(b);
  EXPECT_EQ(a.trials(problem_of(64), environment_of()).size(), 1u);
  EXPECT_EQ(a.trials(problem_of(64), other_driver()).size(), 1u);
  EXPECT_EQ(a.all_trials(problem_of(64)).size(), 2u);
}

TEST(Merge, BringsCalibrationsAndTheNewestCounts) {
  TempFolder folder;
  TuningDb ours(folder / "a.db", OpenMode::kTune);
  TuningDb older(folder / "b.db", OpenMode::kTune);
  older.record(core::Calibration{0.5, 1}, environment_of());
  older.record(core::Calibration{0.5, 1}, other_driver());
  usleep(5000);
  ours.record(core::Calibration{0.9, 1}, environment_of());
  ours.merge(older);
  ours.merge(older);
  EXPECT_EQ(ours.calibration(environment_of())->memory, 0.9);
  EXPECT_EQ(ours.calibration(other_driver())->memory, 0.5);
}

TEST(Merge, RowsOfUnknownClocksStayApartAndAnswerAllTheSame) {
  TempFolder folder;
  TuningDb a(folder / "a.db", OpenMode::kTune);
  TuningDb b(folder / "b.db", OpenMode::kTune);
  core::Environment unknown = environment_of();
  for (const core::ClockLimit& limit : core::kClockLimits) unknown.*limit.member = 0;
  a.record(loser(100, 9), environment_of());
  b.record(loser(110, 8), unknown);
  EXPECT_EQ(a.merge(b).trials, 1);
  EXPECT_EQ(a.merge(b).trials, 0);
  EXPECT_EQ(a.trials(problem_of(64), environment_of()).size(), 2u);
  EXPECT_EQ(a.all_trials(problem_of(64)).back().environment, unknown);
}

TEST(Merge, RepeatedAddsNothing) {
  TempFolder folder;
  TuningDb a(folder / "a.db", OpenMode::kTune);
  TuningDb b(folder / "b.db", OpenMode::kTune);
  b.record(loser(110, 8), environment_of());
  b.record(winner_of(64), environment_of());
  a.merge(b);
  const Merged again = a.merge(b);
  EXPECT_EQ(again.trials + again.winners + again.cubins, 0);
  EXPECT_EQ(a.all_trials(problem_of(64)).size(), 1u);
}

// The other database's row was recorded before ours: ours still answers.
TEST(Merge, TheNewerRecordStaysTheWinner) {
  TempFolder folder;
  TuningDb ours(folder / "a.db", OpenMode::kTune);
  TuningDb older(folder / "b.db", OpenMode::kTune);
  older.record(winner_of(64, 5), environment_of());
  usleep(5000);
  ours.record(winner_of(64, 6), environment_of());
  ours.merge(older);
  EXPECT_EQ(ours.winner(problem_of(64), environment_of(), "")->median_us, 6);
  older.merge(ours);
  EXPECT_EQ(older.winner(problem_of(64), environment_of(), "")->median_us, 6);
}

// Of a tuner that was killed: later than the times that it is merged into, a check says less.
TEST(Merge, AMergedCheckHidesNoTimes) {
  TempFolder folder;
  TuningDb ours(folder / "a.db", OpenMode::kTune);
  TuningDb killed(folder / "b.db", OpenMode::kTune);
  ours.record(trial_of(64, 100), environment_of());
  usleep(5000);
  for (const int first : {100, 110}) {
    core::Trial check = trial_of(64, first);
    check.outcome = core::Outcome::kVerified;
    killed.record(check, environment_of());
  }
  ours.merge(killed);
  const auto trials = ours.trials(problem_of(64), environment_of());
  ASSERT_EQ(trials.size(), 2u);
  EXPECT_EQ(trials[0].outcome, core::Outcome::kMeasured);
  EXPECT_EQ(trials[1].outcome, core::Outcome::kVerified) << "nothing else is known of that kernel";
  EXPECT_EQ(ours.all_trials(problem_of(64)).size(), 2u);
}

class Prune : public testing::Test {
 protected:
  Prune() : database_(folder_ / "t.db", OpenMode::kTune) {
    database_.record(loser(100, 9), environment_of());
    database_.record(loser(110, 8), environment_of());
    database_.record(loser(120, 7), environment_of());
    core::Trial fallback = loser(130, 10);
    fallback.contender = core::Contender::kDefault;
    database_.record(fallback, environment_of());
    core::Winner winner = winner_of(64, 7);
    winner.kernel_key = "key120";
    database_.record(winner, environment_of());
    for (const std::string key : {"key100", "key120", "nobody"}) database_.record(cubin_of(key));
  }

  std::set<std::string> keys() const {
    std::set<std::string> found;
    for (const TrialRow& row : database_.all_trials(problem_of(64))) {
      found.insert(row.trial.kernel_key);
    }
    return found;
  }

  TempFolder folder_;
  TuningDb database_;
};

TEST_F(Prune, LosersGoAndWinnerRunnerUpAndDefaultStay) {
  const Pruned pruned = database_.prune({.losers = true}, other_driver());
  EXPECT_EQ(pruned.trials, 1);
  EXPECT_EQ(keys(), (std::set<std::string>{"key110", "key120", "key130"}));
  EXPECT_EQ(database_.winners().size(), 1u);
}

// Without it the next tune would run once more what ended its process.
TEST_F(Prune, TheQuarantineStays) {
  for (const core::Outcome outcome : core::kQuarantining) {
    core::Trial bad = loser(140 + 10 * static_cast<int>(outcome), 0);
    bad.outcome = outcome;
    database_.record(bad, environment_of());
  }
  ASSERT_EQ(database_.quarantined(environment_of()).size(), core::kQuarantining.size());
  EXPECT_EQ(database_.prune({.losers = true}, other_driver()).trials, 1) << "key100";
  EXPECT_EQ(database_.quarantined(environment_of()).size(), core::kQuarantining.size());
}

TEST_F(Prune, OrphansAreKernelsThatNothingRefersTo) {
  EXPECT_EQ(database_.prune({.orphans = true}, other_driver()).cubins, 1);
  EXPECT_FALSE(database_.cubin("nobody").has_value());
  EXPECT_TRUE(database_.cubin("key100").has_value());
  EXPECT_EQ(database_.prune({.losers = true, .orphans = true}, other_driver()).cubins, 1);
  EXPECT_FALSE(database_.cubin("key100").has_value());
}

TEST_F(Prune, SupersededRowsGoWithTheirEnvironment) {
  EXPECT_EQ(database_.prune({.superseded = true}, other_driver()).trials, 0);
  core::Trial newer = loser(120, 6);
  database_.record(newer, other_driver());
  database_.record(winner_of(64, 6), other_driver());
  database_.record(winner_of(64, 6), environment_of("h20"));
  database_.record(core::Calibration{0.5, 1}, environment_of());
  database_.record(core::Calibration{0.9, 1}, other_driver());
  const Pruned pruned = database_.prune({.superseded = true}, other_driver());
  EXPECT_EQ(pruned.trials, 4);
  EXPECT_EQ(pruned.winners, 1);
  EXPECT_EQ(pruned.environments, 1);
  EXPECT_EQ(database_.winners().size(), 2u);
  EXPECT_FALSE(database_.calibration(environment_of()));
  EXPECT_TRUE(database_.calibration(other_driver()));
}

TEST_F(Prune, WhatAnswersHereStaysThoughAStalerRowIsNewer) {
  core::Environment other_sources = environment_of();
  other_sources.sources_hash = "of-another-checkout";
  core::Environment other_limit = environment_of();
  other_limit.power_limit_w = 500;
  core::Winner skewed = winner_of(64, 6);
  skewed.rows = "rows: zipf, max_m 128";
  // Goes: older than the next one, and no answer.
  database_.record(winner_of(64, 8), other_driver());
  database_.record(skewed, environment_of());
  database_.record(winner_of(64, 5), other_sources);
  database_.record(skewed, other_sources);
  EXPECT_EQ(database_.prune({.superseded = true}, environment_of()).winners, 1);
  const auto answer = [&] {
    const std::vector<WinnerRow> rows = database_.winners();
    const auto best = best_rows(rows, environment_of());
    return best.size() == 1 ? best.front()->winner.kernel_key : "";
  };
  EXPECT_EQ(answer(), "key120");
  EXPECT_EQ(keys(), (std::set<std::string>{"key100", "key110", "key120", "key130"}));
  EXPECT_EQ(database_.winners().size(), 4u);
  // The library does not see power limits: of two rows that differ in these the newer answers.
  core::Winner newest = winner_of(64, 7);
  newest.kernel_key = "key110";
  database_.record(newest, other_limit);
  EXPECT_EQ(database_.prune({.superseded = true}, environment_of()).winners, 2);
  EXPECT_EQ(answer(), "key110");
  // Another kind of GPU here: those of this kind are judged by kernel sources alone.
  EXPECT_EQ(database_.prune({.superseded = true}, environment_of("h20")).winners, 0);
}

TEST_F(Prune, AShapeThatOnlyTheOldEnvironmentHasStays) {
  database_.record(winner_of(128, 6), other_driver());
  const Pruned pruned = database_.prune({.superseded = true}, other_driver());
  EXPECT_EQ(pruned.trials + pruned.winners, 0);
}

TEST_F(Prune, EnvironmentsThatAgreeSupersedeNothing) {
  core::Environment unknown_limit = environment_of();
  unknown_limit.power_limit_w = 0;
  database_.record(loser(150, 6), unknown_limit);
  database_.record(winner_of(64, 6), unknown_limit);
  const Pruned same = database_.prune({.superseded = true}, other_driver());
  EXPECT_EQ(same.trials + same.winners, 0) << "both answer for this GPU";
  // Newer than all of those that agree.
  database_.record(winner_of(64, 5), other_driver());
  const Pruned pruned = database_.prune({.superseded = true}, other_driver());
  EXPECT_EQ(pruned.trials, 5);
  EXPECT_EQ(pruned.winners, 2);
}

TEST_F(Prune, WhatIsOfOtherRowsOrAProbeStays) {
  core::Winner skewed = winner_of(64, 6);
  skewed.rows = "rows: zipf, max_m 128";
  core::Trial of_skewed = loser(140, 6);
  of_skewed.policy = "cold; rows: zipf, max_m 128";
  core::Trial probe = loser(110, 5);
  probe.policy = "probe: cold";
  database_.record(of_skewed, environment_of());
  database_.record(probe, environment_of());
  database_.record(skewed, other_driver());
  EXPECT_EQ(database_.prune({.superseded = true}, other_driver()).trials, 1)
      << "of the skewed rows alone";
  EXPECT_EQ(database_.prune({.superseded = true}, other_driver()).winners, 0);
  database_.record(of_skewed, environment_of());
  EXPECT_EQ(database_.prune({.losers = true}, other_driver()).trials, 1) << "key100";
  EXPECT_EQ(keys(), (std::set<std::string>{"key110", "key120", "key130", "key140"}));
  EXPECT_EQ(database_.all_trials(problem_of(64)).size(), 5u) << "a trial and a probe of key110";
}

TEST_F(Prune, ProbesGoWithTheLastWinnerOfTheirNAndK) {
  for (const std::int64_t m : {64, 96}) {
    core::Trial probe = trial_of(m, 110);
    probe.policy = "probe: cold";
    database_.record(probe, environment_of());
  }
  core::Trial of_others = trial_of(96, 110);
  of_others.policy = "probe: cold";
  of_others.problem.n = 4096;  // where nothing was chosen
  database_.record(of_others, environment_of());
  database_.record(winner_of(128), environment_of());
  database_.record(winner_of(64), other_driver());
  Pruned pruned = database_.prune({.superseded = true}, other_driver());
  EXPECT_EQ(pruned.trials, 4) << "m = 128 still rests on the probes";
  database_.record(winner_of(128), other_driver());
  pruned = database_.prune({.superseded = true}, other_driver());
  EXPECT_EQ(pruned.trials, 2);
  EXPECT_TRUE(database_.all_trials(problem_of(96)).empty());
  EXPECT_EQ(database_.all_trials(of_others.problem).size(), 1u);
}

TEST_F(Prune, ADryRunCountsAndChangesNothing) {
  const Pruned pruned = database_.prune(
      {.superseded = true, .losers = true, .orphans = true, .dry_run = true}, other_driver());
  EXPECT_EQ(pruned.trials, 1);
  EXPECT_EQ(keys().size(), 4u);
  EXPECT_TRUE(database_.cubin("nobody").has_value());
}

TEST_F(Prune, AFinalThatABudgetCutSupersedesNothing) {
  core::Winner cut = winner_of(64, 6);
  cut.reason += core::kCutShort;
  database_.record(cut, other_driver());
  EXPECT_EQ(database_.prune({.superseded = true}, other_driver()).winners, 0);
}

// Of a database that was merged in: stored later than the times, it says less.
TEST(EvidenceTest, ACheckHidesNoTimes) {
  const auto row = [](int first, core::Outcome outcome, core::Contender contender) {
    core::Trial trial = loser(first, 9);
    trial.outcome = outcome;
    trial.contender = contender;
    return TrialRow{trial, environment_of(), "", first};
  };
  WinnerRow winner{winner_of(64), environment_of(), ""};
  winner.winner.kernel_key = "key100";
  const std::vector<TrialRow> trials = {
      row(100, core::Outcome::kMeasured, core::Contender::kCandidate),
      row(130, core::Outcome::kMeasured, core::Contender::kDefault),
      row(100, core::Outcome::kVerified, core::Contender::kCandidate),
      row(130, core::Outcome::kVerified, core::Contender::kDefault)};
  const Evidence evidence = evidence_of(winner, trials);
  EXPECT_EQ(evidence.winner, &trials[0]);
  EXPECT_EQ(evidence.fallback, &trials[1]);
}

TEST(EvidenceTest, IsOfTheRowsOfItsWinnerAndNoProbe) {
  const auto row = [](int first, double median_us, const std::string& policy) {
    core::Trial trial = loser(first, median_us);
    trial.problem.operation = core::Operation::kGroupedContiguous;
    trial.problem.groups = 4;
    trial.policy = policy;
    return TrialRow{trial, environment_of(), "", first};
  };
  WinnerRow winner{winner_of(64), environment_of(), ""};
  winner.winner.problem = row(0, 0, "").trial.problem;
  winner.winner.kernel_key = "key100";
  const std::vector<TrialRow> trials = {
      row(100, 9, "cold; rows: even"), row(110, 10, "cold; rows: even"),
      row(120, 5, "cold; rows: zipf"), row(130, 4, "probe: cold; rows: even"),
      row(100, 3, "cold; rows: zipf"), row(100, 2, "probe: cold; rows: even")};
  Evidence even = evidence_of(winner, trials);
  EXPECT_EQ(even.winner, &trials[0]);
  EXPECT_EQ(even.runner_up, &trials[1]);
  winner.winner.rows = "rows: zipf";
  Evidence zipf = evidence_of(winner, trials);
  EXPECT_EQ(zipf.winner, &trials[4]);
  EXPECT_EQ(zipf.runner_up, &trials[2]);
}

}  // namespace
}  // namespace deepgemm::db
