#include "db/runtime.h"

#include <thread>

#include "tests/db/fixture.h"

namespace deepgemm::db {
namespace {

// Tuned at 64 and 128 on an H100; 64 has no kernel, 128 one that no driver takes.
std::unique_ptr<TuningDb> tuned(const TempFolder& folder) {
  {
    TuningDb database(folder / "t.db", OpenMode::kTune);
    database.record(winner_of(64), environment_of());
    database.record(winner_of(128, 9.0), environment_of());
    database.record(winner_of(128, 8.0), environment_of());
    database.record(cubin_of("key-128"));
  }
  return std::make_unique<TuningDb>(folder / "t.db", OpenMode::kReadOnly);
}

TEST(Runtime, FindsWithoutAGpuAndAgreesWithTheDatabase) {
  TempFolder folder;
  auto database = tuned(folder);
  const TuningDb again(folder / "t.db", OpenMode::kReadOnly);
  for (const std::string device : {"h100-sxm5", "h20"}) {
    const Runtime runtime(tuned(folder), device);
    for (const std::int64_t m : {1, 64, 65, 128, 4096}) {
      const core::Lookup expected = again.find(problem_of(m), device);
      const core::Lookup found = runtime.find(problem_of(m));
      EXPECT_EQ(found.match, expected.match) << m;
      EXPECT_EQ(found.reason, expected.reason);
      EXPECT_EQ(found.winner->median_us, expected.winner->median_us);
    }
  }
}

TEST(Runtime, AMissIsAnAnswer) {
  TempFolder folder;
  Runtime runtime(tuned(folder), "h100-sxm5");
  EXPECT_EQ(runtime.find(problem_of(64, 8, 16)).match, core::Match::kNone);
  EXPECT_EQ(runtime.kernel(problem_of(64, 8, 16)), nullptr);
  EXPECT_EQ(runtime.kernel(problem_of(64, 2112, 16)), nullptr);
}

TEST(Runtime, AWinnerWithoutItsKernelIsTheDatabasesFault) {
  TempFolder folder;
  Runtime runtime(tuned(folder), "h100-sxm5");
  const std::string failure = failure_of([&] { runtime.kernel(problem_of(64)); });
  EXPECT_EQ(failure.find("usage: "), 0u) << failure;
  EXPECT_NE(failure.find("has a winner but not its kernel key-64"), std::string::npos) << failure;
}

TEST(Runtime, AnImageThatCannotBeLoadedIsTheMachinesFault) {
  TempFolder folder;
  Runtime runtime(tuned(folder), "h100-sxm5");
  for (int attempt = 0; attempt < 2; ++attempt) {
    const std::string failure = failure_of([&] { runtime.kernel(problem_of(100)); });
    EXPECT_EQ(failure.find("environment: "), 0u) << failure;
  }
}

TEST(Runtime, ManyThreadsMayAskAtOnce) {
  TempFolder folder;
  Runtime runtime(tuned(folder), "h100-sxm5");
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) {
        right += runtime.find(problem_of(100)).match == core::Match::kBucket;
        right += failure_of([&] { runtime.kernel(problem_of(64)); }).find("usage: ") == 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 800);
}

}  // namespace
}  // namespace deepgemm::db
