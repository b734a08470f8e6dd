#include "db/trace.h"

#include <thread>
#include <vector>

#include "tests/db/killed_trace.h"

namespace deepgemm::db {
namespace {

TEST(Trace, CountsEachProblem) {
  TempFolder folder;
  {
    Trace trace(folder / "t.csv");
    for (int i = 0; i < 5; ++i) trace.count(problem_of(64));
    trace.count(problem_of(65));
  }
  const std::string text = content(folder / "t.csv");
  EXPECT_EQ(text.find("op,groups,alignment,m,n,k,count\n"), 0U);
  EXPECT_NE(text.find("dense,1,1,64,2112,7168,5\n"), std::string::npos) << text;
  EXPECT_NE(text.find("dense,1,1,65,2112,7168,1\n"), std::string::npos) << text;
  EXPECT_EQ(folder.files(), std::set<std::string>{"t.csv"});
}

TEST(Trace, IsThereAfterTheFirstCall) {
  TempFolder folder;
  Trace trace(folder / "t.csv");
  trace.count(problem_of(64));
  EXPECT_NE(content(folder / "t.csv").find("dense,1,1,64"), std::string::npos);
}

// A server that saw all its shapes in a burst and then one of them again and again.
TEST(Trace, ABurstIsSavedByLaterCallsOfWhatIsKnown) {
  TempFolder folder;
  const std::string text = text_after_kill(
      folder / "t.csv",
      [&] {
        Trace trace(folder / "t.csv", std::chrono::milliseconds(200));
        for (int m = 1; m <= 50; ++m) trace.count(problem_of(m));
        for (;;) trace.count(problem_of(1));
      },
      [](const std::string& seen) { return count_of(seen, 50) > 0; });
  for (int m = 1; m <= 50; ++m) EXPECT_GT(count_of(text, m), 0U) << m << " is not in " << text;
}

TEST(Trace, SavedCountsLackLessThanAnEighth) {
  TempFolder folder;
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  constexpr std::uint64_t kCalls = 100000;
  text_after_kill(
      folder / "t.csv",
      [&] {
        Trace trace(folder / "t.csv", std::chrono::nanoseconds(1));
        for (std::uint64_t i = 0; i < kCalls; ++i) trace.count(problem_of(64));
        if (write(ends[1], "!", 1) != 1) _exit(1);
        pause();
      },
      [&](const std::string&) {
        char byte;
        return read(ends[0], &byte, 1) == 1;
      });
  for (const int end : ends) close(end);
  const std::uint64_t saved = count_of(content(folder / "t.csv"), 64);
  EXPECT_LE(saved, kCalls);
  EXPECT_GT(saved, kCalls - kCalls / 8);
}

TEST(Trace, WhatIsSavedIsNotWrittenAgainForEachCall) {
  TempFolder folder;
  Trace trace(folder / "t.csv", std::chrono::nanoseconds(1));
  for (int i = 0; i < 1024; ++i) trace.count(problem_of(64));
  ASSERT_EQ(count_of(content(folder / "t.csv"), 64), 1024U);
  for (int i = 1024; i < 1151; ++i) trace.count(problem_of(64));
  EXPECT_EQ(count_of(content(folder / "t.csv"), 64), 1024U);
  trace.count(problem_of(64));
  EXPECT_EQ(count_of(content(folder / "t.csv"), 64), 1152U);
}

TEST(Trace, ManyThreadsLoseNothing) {
  TempFolder folder;
  {
    Trace trace(folder / "t.csv");
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&trace] {
        for (int i = 0; i < 4000; ++i) trace.count(problem_of(1 + i % 1000));
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  std::istringstream lines(content(folder / "t.csv"));
  int shapes = 0;
  for (std::string line; std::getline(lines, line);) shapes += line.ends_with(",16");
  EXPECT_EQ(shapes, 1000);
}

TEST(Trace, IsBounded) {
  TempFolder folder;
  {
    Trace trace(folder / "t.csv");
    for (int i = 0; i < static_cast<int>(Trace::kCapacity) + 10; ++i)
      trace.count(problem_of(1 + i));
  }
  EXPECT_NE(content(folder / "t.csv").find("# 10 calls of further shapes"), std::string::npos);
}

TEST(Trace, AForkedChildLeavesItsParentsFileAlone) {
  TempFolder folder;
  Trace trace(folder / "t.csv", std::chrono::nanoseconds(1));
  trace.count(problem_of(64));
  const std::string before = content(folder / "t.csv");
  const std::string text = in_child([&] {
    for (int i = 0; i < 100; ++i) trace.count(problem_of(128));
    trace.write();
    return std::string("counted");
  });
  EXPECT_EQ(text, "counted");
  EXPECT_EQ(content(folder / "t.csv"), before);
  EXPECT_EQ(folder.files(), std::set<std::string>{"t.csv"});
  trace.write();
  EXPECT_EQ(count_of(content(folder / "t.csv"), 64), 1U);
}

TEST(Trace, AFolderThatIsMissingBreaksNothing) {
  TempFolder folder;
  Trace trace(folder / "none" / "t.csv");
  trace.count(problem_of(64));
  trace.write();
  EXPECT_TRUE(folder.files().empty());
}

}  // namespace
}  // namespace deepgemm::db
