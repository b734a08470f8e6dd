// Files from before a config field, a problem's or a table existed.
#include <SQLiteCpp/Statement.h>

#include "core/staleness.h"
#include "tests/db/fixture.h"

namespace deepgemm::db {
namespace {

const core::ConfigField& kNewest = core::kConfigFields.back();

// A file as a deepgemm without the newest field wrote it.
void write_older(const std::filesystem::path& path) {
  {
    TuningDb database(path, OpenMode::kTune);
    database.record(trial_of(), environment_of());
    database.record(winner_of(64), environment_of());
    database.record(cubin_of("a"));
  }
  const std::string field(kNewest.name);
  tamper(path, "ALTER TABLE trials DROP COLUMN config_" + field);
  tamper(path, "ALTER TABLE kernels DROP COLUMN config_" + field);
  tamper(path, "ALTER TABLE winners DROP COLUMN config_" + field);
  tamper(path, "ALTER TABLE winners DROP COLUMN default_config_" + field);
  tamper(path, "ALTER TABLE winners DROP COLUMN rows");
  tamper(path, "DROP TABLE calibrations");
  tamper(path, "ALTER TABLE trials DROP COLUMN alignment");
  tamper(path, "ALTER TABLE winners DROP COLUMN alignment");
}

core::GemmConfig older(int first) {
  core::GemmConfig config = config_of(first);
  config.*kNewest.member = kNewest.default_value;
  return config;
}

void expect_defaults(const TuningDb& database) {
  EXPECT_EQ(database.all_trials(problem_of(64)).at(0).trial.config, older(100));
  EXPECT_EQ(database.winners().at(0).winner.config, older(200));
  EXPECT_EQ(database.winners().at(0).winner.default_config, older(300));
  EXPECT_EQ(database.winners().at(0).winner.rows, "") << "it is taken for one of the usual rows";
  EXPECT_TRUE(database.winner(problem_of(64), environment_of(), ""));
  EXPECT_EQ(database.cubin("a")->config, older(400));
  EXPECT_EQ(database.trials(problem_of(64), environment_of()).size(), 1u);
}

TEST(Migration, WithoutTheTableThereIsNoCalibration) {
  TempFolder folder;
  write_older(folder / "t.db");
  const TuningDb old(folder / "t.db", OpenMode::kReadOnly);
  EXPECT_FALSE(old.calibration(environment_of()));
  TuningDb joined(folder / "u.db", OpenMode::kTune);
  EXPECT_EQ(joined.merge(old).winners, 1);
}

TEST(Migration, AReaderSeesTheDefaultAndChangesNothing) {
  TempFolder folder;
  write_older(folder / "t.db");
  const auto before = std::filesystem::last_write_time(folder / "t.db");
  expect_defaults(TuningDb(folder / "t.db", OpenMode::kReadOnly));
  EXPECT_EQ(std::filesystem::last_write_time(folder / "t.db"), before);
}

TEST(Migration, ATunerAddsTheColumn) {
  TempFolder folder;
  write_older(folder / "t.db");
  {
    TuningDb database(folder / "t.db", OpenMode::kTune);
    expect_defaults(database);
    database.record(trial_of(65), environment_of());
    EXPECT_EQ(database.all_trials(problem_of(65)).at(0).trial.config, config_of(100));
    database.record(core::Calibration{0.9, 1.1}, environment_of());
  }
  const TuningDb database(folder / "t.db", OpenMode::kReadOnly);
  expect_defaults(database);
  EXPECT_EQ(database.all_trials(problem_of(65)).at(0).trial.config, config_of(100));
  EXPECT_EQ(database.calibration(environment_of()), (core::Calibration{0.9, 1.1}));
}

TEST(Migration, AReaderFollowsATunerThatAddsTheColumn) {
  TempFolder folder;
  write_older(folder / "t.db");
  const TuningDb reader(folder / "t.db", OpenMode::kReadOnly);
  expect_defaults(reader);
  TuningDb tuner(folder / "t.db", OpenMode::kTune);
  tuner.record(trial_of(65), environment_of());
  EXPECT_EQ(reader.all_trials(problem_of(65)).at(0).trial.config, config_of(100));
}

TEST(Migration, EnvironmentsFromBeforeAColumnStayEqual) {
  TempFolder folder;
  core::Environment environment = environment_of();
  environment.cublaslt = "";
  {
    TuningDb database(folder / "t.db", OpenMode::kTune);
    database.record(trial_of(), environment);
  }
  tamper(folder / "t.db", "ALTER TABLE environments DROP COLUMN cublaslt");
  const TuningDb database(folder / "t.db", OpenMode::kReadOnly);
  EXPECT_EQ(database.trials(problem_of(64), environment).size(), 1u);
  EXPECT_TRUE(database.trials(problem_of(64), environment_of()).empty());
}

// A file from before environments knew the limits of their clocks, with a tuned shape.
void write_without_clocks(const std::filesystem::path& path) {
  {
    TuningDb database(path, OpenMode::kTune);
    database.record(trial_of(), environment_of());
    database.record(winner_of(64), environment_of());
  }
  for (const core::ClockLimit& limit : core::kClockLimits) {
    tamper(path, "ALTER TABLE environments DROP COLUMN " + std::string(limit.name));
  }
}

core::Environment limited_to(int watts) {
  core::Environment environment = environment_of();
  environment.power_limit_w = watts;
  return environment;
}

TEST(Migration, RowsOfUnknownClocksStillAnswerOnTheirMachine) {
  TempFolder folder;
  write_without_clocks(folder / "t.db");
  const TuningDb database(folder / "t.db", OpenMode::kReadOnly);
  EXPECT_EQ(database.trials(problem_of(64), environment_of()).size(), 1u);
  EXPECT_TRUE(database.winner(problem_of(64), environment_of(), "").has_value());
  EXPECT_EQ(database.winners_of_family(problem_of(65), environment_of()).size(), 1u);
  const WinnerRow row = database.winners().at(0);
  EXPECT_EQ(row.environment.power_limit_w, 0);
  EXPECT_EQ(core::grade(row.environment, environment_of()).staleness, core::Staleness::kCurrent);
}

TEST(Migration, WhatIsMeasuredNowKnowsItsClocksAndLeavesOldRowsAlone) {
  TempFolder folder;
  write_without_clocks(folder / "t.db");
  TuningDb database(folder / "t.db", OpenMode::kTune);
  database.record(trial_of(64, 150), limited_to(700));
  EXPECT_EQ(database.trials(problem_of(64), limited_to(700)).size(), 2u);
  const auto rows = database.all_trials(problem_of(64));
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].environment.power_limit_w, 0);
  EXPECT_EQ(rows[1].environment.power_limit_w, 700);
  // Another limit has the old rows, which may be its own, but not those that are not.
  EXPECT_EQ(database.trials(problem_of(64), limited_to(500)).size(), 1u);
}

TEST(Migration, AWinnerThatKnowsItsClocksReplacesOneThatDoesNot) {
  TempFolder folder;
  write_without_clocks(folder / "t.db");
  TuningDb database(folder / "t.db", OpenMode::kTune);
  database.record(winner_of(64, 3.0), limited_to(700));
  EXPECT_EQ(database.winner(problem_of(64), limited_to(700), "")->median_us, 3.0);
  EXPECT_EQ(database.winner(problem_of(64), limited_to(500), "")->median_us, 12.5);
  const auto family = database.winners_of_family(problem_of(65), limited_to(700));
  ASSERT_EQ(family.size(), 1u);
  EXPECT_EQ(family[0].median_us, 3.0);
}

TEST(Environments, WhoDoesNotKnowItsLimitHasTheRowsOfOneLimitOnly) {
  TempFolder folder;
  TuningDb database(folder / "t.db", OpenMode::kTune);
  database.record(trial_of(64, 100), limited_to(500));
  database.record(trial_of(64, 150), limited_to(700));
  const auto trials = database.trials(problem_of(64), limited_to(0));
  ASSERT_EQ(trials.size(), 1u) << "times of two limits do not compare";
  EXPECT_EQ(trials[0].config, config_of(150)) << "of the limit that came last";
}

}  // namespace
}  // namespace deepgemm::db
