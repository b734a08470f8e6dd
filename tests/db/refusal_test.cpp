// Files that are not what they should be: one sentence, and never half-read.
#include <SQLiteCpp/Statement.h>

#include "db/catalog.h"
#include "db/sqlite_errors.h"
#include "tests/db/fixture.h"

namespace deepgemm::db {
namespace {

using testing::TestWithParam;

void fill(const std::filesystem::path& path) {
  TuningDb database(path, OpenMode::kTune);
  for (int i = 0; i < 40; ++i) database.record(trial_of(64, 100 + i), environment_of());
  database.record(winner_of(64), environment_of());
  database.record(cubin_of("a"));
}

std::string read_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Opening alone never looks at such a page.
void break_page_of_trials(const std::filesystem::path& path) {
  std::string bytes = read_bytes(path);
  const std::size_t row = bytes.rfind(trial_of().detail);
  ASSERT_NE(row, std::string::npos);
  bytes.replace(row / 4096 * 4096, 4096, std::string(4096, '\xa5'));
  write_text(path, bytes);
}

class Refusal : public TestWithParam<OpenMode> {
 protected:
  // The sentence starts with the file's name and holds `words`; the file is as it was.
  void expect_refused(const std::string& words) {
    const std::string before = read_bytes(path_);
    const std::string failure = failure_to_open(path_, GetParam());
    EXPECT_EQ(failure.find("usage: " + path_.string()), 0u) << failure;
    EXPECT_NE(failure.find(words), std::string::npos) << failure;
    EXPECT_EQ(read_bytes(path_), before);
    EXPECT_EQ(folder_.files(), std::set<std::string>{"t.db"});
  }

  TempFolder folder_;
  std::filesystem::path path_ = folder_ / "t.db";
};

INSTANTIATE_TEST_SUITE_P(Modes, Refusal, testing::Values(OpenMode::kReadOnly, OpenMode::kTune));

TEST_P(Refusal, TextFile) {
  write_text(path_, std::string(4000, 'x'));
  expect_refused("is not a database");
}

TEST_P(Refusal, ShortTextFile) {
  write_text(path_, "m,n,k\n");
  expect_refused("is not a database");
}

TEST_P(Refusal, TruncatedFile) {
  fill(path_);
  std::filesystem::resize_file(path_, std::filesystem::file_size(path_) / 2);
  expect_refused("is damaged");
}

TEST_P(Refusal, TruncatedInsideTheFirstPage) {
  fill(path_);
  std::filesystem::resize_file(path_, 700);
  expect_refused("t.db");
}

TEST_P(Refusal, ForeignDatabase) {
  tamper(path_, "CREATE TABLE trials (x); PRAGMA user_version=1");
  expect_refused("not one of deepgemm");
}

TEST_P(Refusal, NewerSchema) {
  fill(path_);
  tamper(path_, "PRAGMA user_version=99");
  expect_refused("written by a newer deepgemm (schema 99");
}

TEST_P(Refusal, ColumnOfANewerDeepgemm) {
  fill(path_);
  tamper(path_, "ALTER TABLE winners ADD COLUMN config_unheard_of INTEGER NOT NULL DEFAULT 3");
  expect_refused("written by a newer deepgemm (column winners.config_unheard_of)");
}

TEST_P(Refusal, MissingTable) {
  fill(path_);
  tamper(path_, "DROP TABLE winners");
  expect_refused("its table 'winners' is missing");
}

TEST_P(Refusal, Folder) {
  std::filesystem::create_directory(path_);
  const std::string failure = failure_to_open(path_, GetParam());
  EXPECT_NE(failure.find("is a folder"), std::string::npos) << failure;
}

TEST(Damage, ABrokenPageStopsTheTuner) {
  TempFolder folder;
  fill(folder / "t.db");
  break_page_of_trials(folder / "t.db");
  EXPECT_EQ(failure_to_open(folder / "t.db", OpenMode::kReadOnly), "");
  const std::string failure = failure_to_open(folder / "t.db", OpenMode::kTune);
  EXPECT_EQ(failure.find("usage: "), 0u) << failure;
  EXPECT_NE(failure.find("is damaged"), std::string::npos) << failure;
}

TEST(Damage, ABrokenPageIsNeverHalfRead) {
  TempFolder folder;
  fill(folder / "t.db");
  break_page_of_trials(folder / "t.db");
  const TuningDb database(folder / "t.db", OpenMode::kReadOnly);
  const std::string failure = failure_of([&] { database.all_trials(problem_of(64)); });
  EXPECT_EQ(failure.find("usage: "), 0u) << failure;
}

TEST(Damage, AnImageThatChangedIsNotGivenOut) {
  TempFolder folder;
  fill(folder / "t.db");
  tamper(folder / "t.db", "UPDATE kernels SET image = x'00112233'");
  const TuningDb database(folder / "t.db", OpenMode::kReadOnly);
  const std::string failure = failure_of([&] { database.cubin("a"); });
  EXPECT_NE(failure.find("kernel a does not match its checksum"), std::string::npos) << failure;
  EXPECT_EQ(failure.find("usage: "), 0u);
}

TEST(Damage, ANameThatIsEmptyWasNeverWritten) {
  TempFolder folder;
  fill(folder / "t.db");
  tamper(folder / "t.db", "UPDATE trials SET outcome = ''");
  const TuningDb database(folder / "t.db", OpenMode::kReadOnly);
  const std::string failure = failure_of([&] { database.all_trials(problem_of(64)); });
  EXPECT_NE(failure.find("column outcome of table trials"), std::string::npos) << failure;
}

TEST(UnknownNames, AreNotGuessedAndTheirRowsAreSkippedAndStay) {
  TempFolder folder;
  const std::filesystem::path path = folder / "t.db";
  fill(path);
  {
    TuningDb database(path, OpenMode::kTune);
    for (const std::int64_t m : {128, 256, 512}) database.record(winner_of(m), environment_of());
  }
  tamper(path,
         "UPDATE trials SET outcome = 'splendid' WHERE id = 3;"
         "UPDATE winners SET operation = 'grouped-ragged' WHERE m = 128;"
         "UPDATE winners SET recipe = '1x32_mx' WHERE m = 256;"
         "UPDATE winners SET output = 'fp4' WHERE m = 512");
  TuningDb database(path, OpenMode::kTune);
  EXPECT_EQ(database.skipped().count, 0u) << "nothing was read yet";
  EXPECT_EQ(database.all_trials(problem_of(64)).size(), 39u);
  EXPECT_EQ(database.skipped().count, 1u);
  EXPECT_EQ(database.skipped().example, "row 3 of trials has outcome 'splendid'");
  for (int again = 0; again < 2; ++again) {
    ASSERT_EQ(database.winners().size(), 1u);
    EXPECT_EQ(database.winners()[0].winner.problem, problem_of(64));
    EXPECT_EQ(database.skipped().count, 4u);
  }
  // m = 128 has no row of its own that anybody could know; nor has it for the runtime library.
  EXPECT_EQ(database.find(problem_of(128), environment_of()).match, core::Match::kBucket);
  const Catalog catalog(path, environment_of());
  ASSERT_EQ(catalog.index().families.size(), 1u);
  ASSERT_EQ(catalog.index().families[0].rows.size(), 1u);
  EXPECT_EQ(catalog.index().families[0].rows[0].m, 64);

  // They go nowhere: not by pruning, not by being merged into.
  database.prune({.superseded = true, .losers = true, .orphans = true}, environment_of());
  {
    TuningDb other(folder / "other.db", OpenMode::kTune);
    other.record(winner_of(32), environment_of());
  }
  database.merge(TuningDb(folder / "other.db", OpenMode::kReadOnly));
  const SQLite::Database file(path.string());
  SQLite::Statement rows(file,
                         "SELECT (SELECT count(*) FROM trials WHERE outcome = 'splendid'),"
                         " (SELECT count(*) FROM winners WHERE m IN (128, 256, 512))");
  ASSERT_TRUE(rows.executeStep());
  EXPECT_EQ(rows.getColumn(0).getInt(), 1);
  EXPECT_EQ(rows.getColumn(1).getInt(), 3);

  // Nor are they brought elsewhere, as what nobody here can read.
  TuningDb fresh(folder / "fresh.db", OpenMode::kTune);
  EXPECT_EQ(fresh.merge(database).winners, 2);
  EXPECT_EQ(fresh.skipped().count, 0u);
}

TEST(Missing, ReaderSaysHowToMakeOne) {
  TempFolder folder;
  const std::string failure = failure_to_open(folder / "none.db", OpenMode::kReadOnly);
  EXPECT_EQ(failure.find("usage: there is no database at"), 0u) << failure;
  EXPECT_NE(failure.find("deepgemm-tune"), std::string::npos) << failure;
  EXPECT_TRUE(folder.files().empty());
}

TEST(Missing, EmptyFileIsNewToATunerAndRefusedToAReader) {
  TempFolder folder;
  write_text(folder / "t.db", "");
  EXPECT_NE(failure_to_open(folder / "t.db", OpenMode::kReadOnly).find("is empty"),
            std::string::npos);
  EXPECT_EQ(failure_to_open(folder / "t.db", OpenMode::kTune), "");
  EXPECT_EQ(failure_to_open(folder / "t.db", OpenMode::kReadOnly), "");
}

TEST(Missing, TunerCreatesTheFolders) {
  TempFolder folder;
  EXPECT_EQ(failure_to_open(folder / "a/b %?#/t.db", OpenMode::kTune), "");
  EXPECT_EQ(TuningDb(folder / "a/b %?#/t.db", OpenMode::kReadOnly).schema_version(), 1);
}

TEST(Errors, AFullDatabaseIsTheEnvironmentsFault) {
  TempFolder folder;
  SQLite::Database database((folder / "t.db").string(),
                            SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  database.exec("CREATE TABLE t (x); PRAGMA max_page_count=2");
  const std::string failure = failure_of([&] {
    translated("t.db", [&] { database.exec("INSERT INTO t VALUES (zeroblob(100000))"); });
  });
  EXPECT_EQ(failure.find("environment: the disk of t.db is full"), 0u) << failure;
}

}  // namespace
}  // namespace deepgemm::db
