// Files from before a config field, or a problem's, existed.
#include <SQLiteCpp/Statement.h>

#include "db/catalog.h"
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
  EXPECT_EQ(database.cubin("a")->config, older(400));
  EXPECT_EQ(database.trials(problem_of(64), environment_of()).size(), 1u);
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
  }
  const TuningDb database(folder / "t.db", OpenMode::kReadOnly);
  expect_defaults(database);
  EXPECT_EQ(database.all_trials(problem_of(65)).at(0).trial.config, config_of(100));
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

// It is older than problems with an alignment, and remains so until it is made anew.
TEST(Migration, TheShippedBundleAnswers) {
  const std::filesystem::path bundle = DEEPGEMM_SOURCE_DIR "/db/data/h100-sxm5.dgdb";
  const TuningDb database(bundle, OpenMode::kReadOnly);
  EXPECT_EQ(database.winners().size(), 49u);
  const Catalog catalog(bundle);
  ASSERT_FALSE(catalog.index().families.empty());
  for (const IndexedFamily& family : catalog.index().families) {
    EXPECT_EQ(core::why_illegal(family.any_m), std::nullopt) << core::to_string(family.any_m);
  }
}

}  // namespace
}  // namespace deepgemm::db
