// Several processes on one file, and processes that die.
#include <SQLiteCpp/Database.h>
#include <signal.h>

#include <fstream>
#include <memory>
#include <thread>

#include "db/tuner_lock.h"
#include "tests/db/fixture.h"

namespace deepgemm::db {
namespace {

using Files = std::set<std::string>;

core::Trial numbered(int number) {
  core::Trial trial = trial_of(64, 100 + number);
  trial.detail = std::to_string(number);
  return trial;
}

// A child that records numbered trials until it is killed; each one acknowledged by a byte.
struct Writer {
  pid_t process = 0;
  int acknowledgements = -1;
};

Writer start_writer(const std::filesystem::path& path) {
  int ends[2];
  if (pipe(ends) != 0) return {};
  const pid_t child = fork();
  if (child == 0) {
    TuningDb database(path, OpenMode::kTune);
    for (int number = 0;; ++number) {
      database.record(numbered(number), environment_of());
      if (write(ends[1], "+", 1) != 1) _exit(1);
    }
  }
  close(ends[1]);
  return {child, ends[0]};
}

int await(const Writer& writer, int count) {
  char byte;
  int got = 0;
  while (got < count && read(writer.acknowledgements, &byte, 1) == 1) ++got;
  return got;
}

// Returns how many more were acknowledged before the end.
int kill_writer(const Writer& writer) {
  kill(writer.process, SIGKILL);
  waitpid(writer.process, nullptr, 0);
  const int rest = await(writer, 1 << 20);
  close(writer.acknowledgements);
  return rest;
}

void expect_numbered(const std::vector<TrialRow>& rows, int at_least) {
  EXPECT_GE(static_cast<int>(rows.size()), at_least);
  for (std::size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(rows[i].trial.detail, std::to_string(i));
}

TEST(Processes, ASecondTunerIsToldWhoHoldsTheFile) {
  TempFolder folder;
  const TuningDb first(folder / "t.db", OpenMode::kTune);
  const std::string failure =
      in_child([&] { return failure_to_open(folder / "t.db", OpenMode::kTune); });
  EXPECT_EQ(failure.find("environment: "), 0u) << failure;
  EXPECT_NE(failure.find("(process " + std::to_string(getpid()) + ")"), std::string::npos)
      << failure;
}

TEST(Processes, AnotherNameOfTheFileIsTheSameFile) {
  TempFolder folder;
  const TuningDb first(folder / "t.db", OpenMode::kTune);
  std::filesystem::create_symlink(folder / "t.db", folder / "link.db");
  EXPECT_NE(failure_to_open(folder / "link.db", OpenMode::kTune).find("is held by"),
            std::string::npos);
}

TEST(Processes, ATunerLeavesOneFile) {
  TempFolder folder;
  {
    TuningDb database(folder / "t.db", OpenMode::kTune);
    database.record(trial_of(), environment_of());
  }
  EXPECT_EQ(folder.files(), Files{"t.db"});
  EXPECT_EQ(failure_to_open(folder / "t.db", OpenMode::kTune), "");
}

TEST(Processes, AReaderSeesWhatATunerRecordsWhileItRuns) {
  TempFolder folder;
  const Writer writer = start_writer(folder / "t.db");
  int acknowledged = await(writer, 5);
  const TuningDb reader(folder / "t.db", OpenMode::kReadOnly);
  expect_numbered(reader.all_trials(problem_of(64)), acknowledged);
  acknowledged += await(writer, 5);
  expect_numbered(reader.all_trials(problem_of(64)), acknowledged);
  acknowledged += kill_writer(writer);
  expect_numbered(reader.all_trials(problem_of(64)), acknowledged);
}

TEST(Processes, AReaderOutlivesTheTunerAndTheNextOneStarts) {
  TempFolder folder;
  auto tuner = std::make_unique<TuningDb>(folder / "t.db", OpenMode::kTune);
  tuner->record(numbered(0), environment_of());
  const std::string seen = in_child([&] {
    const TuningDb reader(folder / "t.db", OpenMode::kReadOnly);
    return std::to_string(reader.all_trials(problem_of(64)).size());
  });
  EXPECT_EQ(seen, "1");
  const TuningDb reader(folder / "t.db", OpenMode::kReadOnly);
  expect_numbered(reader.all_trials(problem_of(64)), 1);
  tuner.reset();
  expect_numbered(reader.all_trials(problem_of(64)), 1);
  TuningDb next(folder / "t.db", OpenMode::kTune);
  next.record(numbered(1), environment_of());
  expect_numbered(reader.all_trials(problem_of(64)), 2);
}

TEST(Processes, KillLosesNothingThatWasAcknowledged) {
  TempFolder folder;
  const Writer writer = start_writer(folder / "t.db");
  int acknowledged = await(writer, 40);
  ASSERT_EQ(acknowledged, 40);
  acknowledged += kill_writer(writer);

  // First a reader, on what the killed one left; it must leave it as it is.
  const Files left = folder.files();
  expect_numbered(TuningDb(folder / "t.db", OpenMode::kReadOnly).all_trials(problem_of(64)),
                  acknowledged);
  EXPECT_EQ(folder.files(), left);
  {
    TuningDb tuner(folder / "t.db", OpenMode::kTune);
    expect_numbered(tuner.all_trials(problem_of(64)), acknowledged);
  }
  EXPECT_EQ(folder.files(), Files{"t.db"});
}

TEST(Processes, AnInspectorBringsInWhatAKilledOneLeft) {
  TempFolder folder;
  const Writer writer = start_writer(folder / "t.db");
  int acknowledged = await(writer, 40);
  acknowledged += kill_writer(writer);
  expect_numbered(TuningDb(folder / "t.db", OpenMode::kInspect).all_trials(problem_of(64)),
                  acknowledged);
  EXPECT_EQ(folder.files(), Files{"t.db"});
}

// Modes and tables are changed in rollback mode: a kill in between leaves no log, but what undoes
// the change.
TEST(Processes, AnInspectorUndoesTheChangeInWhichOneWasKilled) {
  TempFolder folder;
  TuningDb(folder / "t.db", OpenMode::kTune).record(numbered(0), environment_of());
  in_child([&] {
    auto* const dies_with_us =
        new SQLite::Database((folder / "t.db").string(), SQLite::OPEN_READWRITE);
    dies_with_us->exec(
        "PRAGMA cache_size = 1; BEGIN; CREATE TABLE half_done AS "
        "WITH RECURSIVE numbers(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers LIMIT 1000) "
        "SELECT i, randomblob(1000) FROM numbers");
    return std::string();
  });
  ASSERT_EQ(folder.files(), (Files{"t.db", "t.db-journal"}));
  EXPECT_NE(failure_to_open(folder / "t.db", OpenMode::kReadOnly).find("an interrupted tuner"),
            std::string::npos);
  expect_numbered(TuningDb(folder / "t.db", OpenMode::kInspect).all_trials(problem_of(64)), 1);
  EXPECT_EQ(folder.files(), Files{"t.db"});
}

// A log without its database is no log of an empty one: the database may come back.
TEST(Processes, AnInspectorLeavesALogAloneWhoseDatabaseIsElsewhere) {
  TempFolder folder;
  const Writer writer = start_writer(folder / "t.db");
  int acknowledged = await(writer, 40);
  acknowledged += kill_writer(writer);
  for (const bool is_empty : {false, true}) {
    std::filesystem::rename(folder / "t.db", folder / "moved.db");
    if (is_empty) std::ofstream(folder / "t.db");
    const Files left = folder.files();
    const std::string failure = failure_to_open(folder / "t.db", OpenMode::kInspect);
    const std::string file = (folder / "t.db").string();
    const std::string said = is_empty ? file + " is empty" : "there is no database at " + file;
    EXPECT_TRUE(failure.starts_with("usage: " + said + " / ")) << failure;
    EXPECT_EQ(folder.files(), left);
    std::filesystem::rename(folder / "moved.db", folder / "t.db");
  }
  expect_numbered(TuningDb(folder / "t.db", OpenMode::kInspect).all_trials(problem_of(64)),
                  acknowledged);
}

TEST(Processes, KillWhileCreatingLeavesAFileThatOpens) {
  for (int delay_us = 0; delay_us < 20000; delay_us += 1000) {
    TempFolder folder;
    const Writer writer = start_writer(folder / "t.db");
    usleep(static_cast<useconds_t>(delay_us));
    const int acknowledged = kill_writer(writer);
    ASSERT_EQ(failure_to_open(folder / "t.db", OpenMode::kTune), "") << delay_us;
    expect_numbered(TuningDb(folder / "t.db", OpenMode::kReadOnly).all_trials(problem_of(64)),
                    acknowledged);
  }
}

TEST(Processes, ReadersCreateNoFiles) {
  TempFolder folder;
  { TuningDb(folder / "t.db", OpenMode::kTune).record(trial_of(), environment_of()); }
  const TuningDb reader(folder / "t.db", OpenMode::kReadOnly);
  EXPECT_EQ(reader.all_trials(problem_of(64)).size(), 1u);
  EXPECT_EQ(folder.files(), Files{"t.db"});
}

TEST(Processes, ABareCopyOfALiveFileIsReadWithoutItsLog) {
  TempFolder folder;
  { TuningDb(folder / "t.db", OpenMode::kTune).record(trial_of(), environment_of()); }
  tamper(folder / "t.db", "PRAGMA journal_mode=WAL");
  ASSERT_EQ(folder.files(), Files{"t.db"});
  const TuningDb reader(folder / "t.db", OpenMode::kReadOnly);
  EXPECT_EQ(reader.all_trials(problem_of(64)).size(), 1u);
  EXPECT_EQ(folder.files(), Files{"t.db"});
}

TEST(Processes, AnEmptyLogIsIgnored) {
  TempFolder folder;
  { TuningDb(folder / "t.db", OpenMode::kTune).record(trial_of(), environment_of()); }
  write_text(folder / "t.db-wal", "");
  const TuningDb reader(folder / "t.db", OpenMode::kReadOnly);
  EXPECT_EQ(reader.all_trials(problem_of(64)).size(), 1u);
}

TEST(Processes, ALogWithoutItsSharedMemoryIsNotIgnored) {
  TempFolder folder;
  const Writer writer = start_writer(folder / "t.db");
  await(writer, 3);
  const int acknowledged = 3 + kill_writer(writer);
  std::filesystem::remove(folder / "t.db-shm");
  const std::string failure = failure_to_open(folder / "t.db", OpenMode::kReadOnly);
  EXPECT_EQ(failure.find("environment: "), 0u) << failure;
  EXPECT_NE(failure.find("left by an interrupted tuner"), std::string::npos) << failure;
  expect_numbered(TuningDb(folder / "t.db", OpenMode::kTune).all_trials(problem_of(64)),
                  acknowledged);
}

TEST(Processes, ReadersOpenWhileTunersComeAndGo) {
  TempFolder folder;
  { TuningDb(folder / "t.db", OpenMode::kTune).record(numbered(0), environment_of()); }
  const pid_t tuners = fork();
  if (tuners == 0) {
    for (int number = 1; number <= 30; ++number) {
      TuningDb(folder / "t.db", OpenMode::kTune).record(numbered(number), environment_of());
    }
    _exit(0);
  }
  std::size_t seen = 0;
  int status = 0;
  while (waitpid(tuners, &status, WNOHANG) == 0) {
    const std::string failure = failure_of([&] {
      const TuningDb reader(folder / "t.db", OpenMode::kReadOnly);
      const auto rows = reader.all_trials(problem_of(64));
      EXPECT_GE(rows.size(), seen);
      seen = rows.size();
      expect_numbered(rows, 1);
    });
    ASSERT_EQ(failure, "");
  }
  EXPECT_EQ(status, 0);
  expect_numbered(TuningDb(folder / "t.db", OpenMode::kReadOnly).all_trials(problem_of(64)), 31);
}

TEST(Locking, ATunerWaitsForAnInspectorAndNotForATuner) {
  TempFolder folder;
  auto inspector = std::make_unique<TunerLock>(folder / "t.db", LockHolder::kInspector);
  std::thread end([&inspector] {
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    inspector.reset();
  });
  EXPECT_EQ(failure_to_open(folder / "t.db", OpenMode::kTune), "");
  end.join();
  const TunerLock tuner(folder / "t.db", LockHolder::kTuner);
  EXPECT_NE(failure_to_open(folder / "t.db", OpenMode::kTune).find("another tuner (process"),
            std::string::npos);
}

}  // namespace
}  // namespace deepgemm::db
