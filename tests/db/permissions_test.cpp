// Folders and files that may not be written, and disks that are full.
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "tests/db/fixture.h"

namespace deepgemm::db {
namespace {

using Files = std::set<std::string>;

std::string count_in_child(const std::filesystem::path& path) {
  return in_child([&] {
    give_up_root();
    std::string text;
    const std::string failure = failure_of([&] {
      const TuningDb reader(path, OpenMode::kReadOnly);
      text = std::to_string(reader.all_trials(problem_of(64)).size());
    });
    return failure.empty() ? text : failure;
  });
}

std::string tune_in_child(const std::filesystem::path& path) {
  return in_child([&] {
    give_up_root();
    return failure_to_open(path, OpenMode::kTune);
  });
}

TEST(Permissions, AReadOnlyFolderIsReadAndNotTuned) {
  TempFolder folder;
  { TuningDb(folder / "t.db", OpenMode::kTune).record(trial_of(), environment_of()); }
  chmod(folder.path().c_str(), 0555);
  EXPECT_EQ(count_in_child(folder / "t.db"), "1");
  const std::string failure = tune_in_child(folder / "t.db");
  EXPECT_EQ(failure.find("environment: "), 0u) << failure;
  EXPECT_NE(failure.find("cannot be created"), std::string::npos) << failure;
  EXPECT_EQ(tune_in_child(folder / "new.db").find("environment: "), 0u);
  EXPECT_EQ(tune_in_child(folder / "sub/new.db").find("environment: the folder "), 0u);
  EXPECT_EQ(folder.files(), Files{"t.db"});
}

TEST(Permissions, AReadOnlyFolderIsReadWhileItsTunerRuns) {
  TempFolder folder;
  TuningDb tuner(folder / "t.db", OpenMode::kTune);
  tuner.record(trial_of(), environment_of());
  chmod(folder.path().c_str(), 0555);
  const Files before = folder.files();
  EXPECT_EQ(count_in_child(folder / "t.db"), "1");
  EXPECT_EQ(folder.files(), before);
  chmod(folder.path().c_str(), 0755);
}

TEST(Permissions, AReadOnlyFolderIsReadAfterItsTunerWasKilled) {
  TempFolder folder;
  const std::string died = in_child([&]() -> std::string {
    TuningDb tuner(folder / "t.db", OpenMode::kTune);
    tuner.record(trial_of(), environment_of());
    kill(getpid(), SIGKILL);
    return "";
  });
  ASSERT_EQ(died.find("child died"), 0u);
  chmod(folder.path().c_str(), 0555);
  EXPECT_EQ(count_in_child(folder / "t.db"), "1");
}

TEST(Permissions, AReadOnlyFileIsReadAndNotTuned) {
  TempFolder folder;
  { TuningDb(folder / "t.db", OpenMode::kTune).record(trial_of(), environment_of()); }
  chmod((folder / "t.db").c_str(), 0444);
  chmod(folder.path().c_str(), 0777);
  EXPECT_EQ(count_in_child(folder / "t.db"), "1");
  const std::string failure = tune_in_child(folder / "t.db");
  EXPECT_EQ(failure.find("environment: "), 0u) << failure;
  EXPECT_NE(failure.find("cannot be written"), std::string::npos) << failure;
  EXPECT_EQ(folder.files(), Files{"t.db"});
}

TEST(Permissions, AFileThatMayNotBeReadSaysSo) {
  TempFolder folder;
  { TuningDb(folder / "t.db", OpenMode::kTune).record(trial_of(), environment_of()); }
  chmod((folder / "t.db").c_str(), 0);
  const std::string failure = count_in_child(folder / "t.db");
  EXPECT_EQ(failure.find("environment: "), 0u) << failure;
  EXPECT_NE(failure.find("cannot be opened"), std::string::npos) << failure;
}

// Records until it fails. Returns "COUNT failure".
std::string record_until_failure(const std::filesystem::path& path) {
  TuningDb database(path, OpenMode::kTune);
  for (int count = 0; count < 5000; ++count) {
    const std::string failure =
        failure_of([&] { database.record(trial_of(64, 100 + count), environment_of()); });
    if (!failure.empty()) return std::to_string(count) + " " + failure;
  }
  return "never failed";
}

TEST(Disk, AFailedWriteKeepsWhatWasRecorded) {
  TempFolder folder;
  const std::string said = in_child([&] {
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{400000, 400000};
    setrlimit(RLIMIT_FSIZE, &limit);
    return record_until_failure(folder / "t.db");
  });
  const int recorded = std::atoi(said.c_str());
  EXPECT_GT(recorded, 3) << said;
  EXPECT_NE(said.find(" environment: "), std::string::npos) << said;
  TuningDb database(folder / "t.db", OpenMode::kTune);
  EXPECT_EQ(database.all_trials(problem_of(64)).size(), static_cast<std::size_t>(recorded));
}

TEST(Disk, AFullDiskKeepsWhatWasRecorded) {
  TempFolder folder;
  const std::string said = in_child([&]() -> std::string {
    // A file system of our own, which goes away with this process.
    if (unshare(CLONE_NEWNS) != 0 ||
        mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("none", folder.path().c_str(), "tmpfs", 0, "size=400k") != 0) {
      return "no mount";
    }
    const std::string failure = record_until_failure(folder / "t.db");
    const TuningDb database(folder / "t.db", OpenMode::kReadOnly);
    const auto found = database.all_trials(problem_of(64)).size();
    return std::to_string(found) + " of " + failure;
  });
  if (said == "no mount") GTEST_SKIP() << "file systems cannot be mounted here";
  const int recorded = std::atoi(said.c_str());
  EXPECT_GT(recorded, 3) << said;
  EXPECT_EQ(said.find(std::to_string(recorded) + " of " + std::to_string(recorded) +
                      " environment: the disk of "),
            0u)
      << said;
}

TEST(Disk, AMergeNamesTheTargetThatCannotBeWritten) {
  TempFolder folder;
  {
    TuningDb source(folder / "source.db", OpenMode::kTune);
    core::Cubin large = cubin_of("large");
    large.image.resize(500000);
    source.record(trial_of(), environment_of());
    source.record(large);
  }
  const std::string said = in_child([&] {
    TuningDb target(folder / "target.db", OpenMode::kTune);
    const TuningDb source(folder / "source.db", OpenMode::kReadOnly);
    signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{400000, 400000};
    setrlimit(RLIMIT_FSIZE, &limit);
    return failure_of([&] { target.merge(source); });
  });
  EXPECT_EQ(said.find("environment: " + (folder / "target.db").string()), 0u) << said;
  // Whole or not at all.
  TuningDb target(folder / "target.db", OpenMode::kTune);
  EXPECT_TRUE(target.all_trials(problem_of(64)).empty());
  const TuningDb source(folder / "source.db", OpenMode::kReadOnly);
  EXPECT_EQ(target.merge(source).cubins, 1);
}

}  // namespace
}  // namespace deepgemm::db
