// Files from before a config field or a table existed.
#include <SQLiteCpp/Statement.h>

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
  tamper(path, "DROP TABLE calibrations");
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

}  // namespace
}  // namespace deepgemm::db
