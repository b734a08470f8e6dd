// The runtime library as a server uses it, from its C interface down to the driver's door. Runs
// once as it is, and once under ThreadSanitizer.
#include <functional>
#include <latch>
#include <mutex>
#include <thread>

#include "tests/db/killed_trace.h"
#include "tests/db/scripted_driver/hot_path.h"
#include "tests/db/scripted_driver/serving_fixture.h"

namespace deepgemm::db {
namespace {

constexpr int kThreads = 8;
constexpr int kStreamsPerThread = 2;
constexpr int kRounds = 300;

class ServingThreads : public Serving {
 protected:
  // A thread that serves its streams in turn, and asks questions in between.
  static void serve(deepgemm::Runtime& runtime, std::latch& start, Stream* streams,
                    std::size_t thread) {
    start.arrive_and_wait();
    for (std::size_t round = 0; round < kRounds; ++round) {
      for (std::size_t which = 0; which < kStreamsPerThread; ++which) {
        launch_one(runtime, streams[which], thread * 1000 + round * 7 + which);
      }
      if (round % 10 != 0) continue;
      EXPECT_EQ(runtime.find({90, 2112, 7168}).match, DEEPGEMM_MATCH_BUCKET);
      EXPECT_EQ(runtime.find({1, 8, 16}).match, DEEPGEMM_MATCH_NONE);
    }
  }
};

TEST_F(ServingThreads, EightThreadsWithTwoStreamsEachShareOneRuntime) {
  Stream streams[kThreads][kStreamsPerThread];
  const int loaded_before = scripted_driver::modules_loaded();
  {
    deepgemm::Runtime runtime(path_);
    std::latch start(kThreads);
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] { serve(runtime, start, streams[t], t); });
    }
    for (std::thread& thread : threads) thread.join();
    // Every kernel once, and the fallback: nobody loads what another thread is loading.
    EXPECT_EQ(scripted_driver::modules_loaded() - loaded_before,
              static_cast<int>(std::size(kTunedM)) + 1);
  }
  EXPECT_EQ(scripted_driver::modules_alive(), 0);
  for (auto& of_thread : streams) {
    for (Stream& stream : of_thread) {
      EXPECT_EQ(stream.launches, kRounds);
      EXPECT_EQ(stream.wrong, 0);
    }
  }
}

TEST_F(Serving, ThreadsOpenAndCloseTheirOwnRuntimesOfOneBundle) {
  std::vector<std::thread> threads;
  Stream streams[kThreads];
  for (std::size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t round = 0; round < 10; ++round) {
        deepgemm::Runtime runtime(path_);
        EXPECT_TRUE(runtime.prepare({{1, 2112, 7168}, {64, 2112, 7168}}));
        launch_one(runtime, streams[t], 100 * t + round);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (Stream& stream : streams) {
    EXPECT_EQ(stream.launches, 10);
    EXPECT_EQ(stream.wrong, 0);
  }
  EXPECT_EQ(scripted_driver::modules_alive(), 0);
}

TEST_F(Serving, ALaunchOverlapsTheOneBeforeItOnlyWhereItIsAskedTo) {
  deepgemm::Runtime runtime(path_);
  Stream stream;
  stream.problem = {64, 2112, 7168};
  stream.operands = operands_at(0);
  stream.image = key_of(64);
  for (const bool overlapped : {true, false, true}) {
    stream.overlapped = overlapped;
    EXPECT_TRUE(overlapped
                    ? runtime.gemm_overlapped(stream.problem, stream.operands, handle_of(stream))
                    : runtime.gemm(stream.problem, stream.operands, handle_of(stream)));
  }
  EXPECT_EQ(stream.launches, 3);
  EXPECT_EQ(stream.wrong, 0);
  // A miss and bad input are what they are for any other product.
  EXPECT_FALSE(runtime.gemm_overlapped({64, 1024, 7168}, stream.operands, handle_of(stream)));
  EXPECT_THROW((void)runtime.gemm_overlapped({64, 2111, 7168}, stream.operands),
               std::runtime_error);
  EXPECT_EQ(deepgemm_gemm_overlapped(nullptr, &stream.problem, &stream.operands,
                                     DEEPGEMM_MISS_ERROR, nullptr),
            DEEPGEMM_BAD_ARGUMENT);
  EXPECT_EQ(stream.launches, 3);
}

// One of many server processes: what it has to complain of, "" if nothing.
std::string serve_alone(const std::string& path,
                        const std::function<void(deepgemm::Runtime&, Stream&)>& launch_all) {
  give_up_root();
  return failure_of([&] {
    deepgemm::Runtime runtime(path);
    Stream stream;
    launch_all(runtime, stream);
    if (stream.launches != 100) throw std::runtime_error("it launched too little");
    if (stream.wrong != 0) throw std::runtime_error("it launched something else");
  });
}

TEST_F(Serving, ThirtyTwoProcessesServeFromOneBundleInAReadOnlyFolder) {
  constexpr int kProcesses = 32;
  chmod(folder_.path().c_str(), 0555);
  int start[2];
  ASSERT_EQ(pipe(start), 0);
  int answers[2];
  ASSERT_EQ(pipe(answers), 0);
  std::fflush(nullptr);  // or each child says it again
  for (int i = 0; i < kProcesses; ++i) {
    if (fork() != 0) continue;
    // All begin when the parent closes its end.
    close(start[1]);
    char byte;
    if (read(start[0], &byte, 1) != 0) _exit(2);
    const std::string complaint =
        serve_alone(path_, [](deepgemm::Runtime& runtime, Stream& stream) {
          for (std::size_t serial = 0; serial < 100; ++serial) launch_one(runtime, stream, serial);
        });
    const std::string line = complaint.empty() ? "served\n" : complaint + "\n";
    _exit(write(answers[1], line.data(), line.size()) < 0 ? 2 : 0);
  }
  close(start[0]);
  close(answers[1]);
  close(start[1]);
  std::string said;
  char buffer[512];
  for (ssize_t got; (got = read(answers[0], buffer, sizeof buffer)) > 0;) {
    said.append(buffer, static_cast<std::size_t>(got));
  }
  close(answers[0]);
  for (int i = 0; i < kProcesses; ++i) {
    int status = 1;
    ASSERT_GT(wait(&status), 0);
    EXPECT_EQ(status, 0);
  }
  std::string expected;
  for (int i = 0; i < kProcesses; ++i) expected += "served\n";
  EXPECT_EQ(said, expected);
  EXPECT_EQ(folder_.files(), std::set<std::string>{"b.dgdb"});
}

TEST_F(Serving, TheDriversClocksGradeARow) {
  BundleContents contents;
  contents.device_id = "h100-sxm5";
  core::Environment made_in;  // what is not known is not compared
  made_in.device_id = "h100-sxm5";
  made_in.memory_clock_mhz = 2619;
  for (const std::int64_t m : {64, 128}) {
    made_in.sm_clock_max_mhz = m == 64 ? 1980 : 1755;
    WinnerRow row{winner_of(m), made_in, "2026-01-01T00:00:00.000Z", 0};
    row.winner.kernel_key = key_of(m);
    contents.cubins.push_back(kernel_named(key_of(m), config_for(m)));
    contents.winners.push_back(std::move(row));
  }
  const std::string path = (folder_ / "clocks.dgdb").string();
  write_bundle(contents, path);
  const deepgemm::Runtime runtime(path);
  EXPECT_EQ(runtime.find({64, 2112, 7168}).staleness, DEEPGEMM_CURRENT);
  const deepgemm_found found = runtime.find({128, 2112, 7168});
  EXPECT_EQ(found.staleness, DEEPGEMM_VERIFY);
  EXPECT_NE(std::strstr(found.staleness_reason, "is 1755 MHz, here it is 1980 MHz"), nullptr)
      << found.staleness_reason;
}

#ifdef DEEPGEMM_TRACED_SERVER
// In a program of its own: whether it is traced is decided once in a process.
TEST_F(Serving, AKilledServersTraceHoldsTheBurstOfItsFirstMoments) {
  const auto trace = folder_ / "calls.csv";
  const std::string text = text_after_kill(
      trace,
      [&] {
        setenv("DEEPGEMM_TRACE", trace.c_str(), 1);
        execl(DEEPGEMM_TRACED_SERVER, DEEPGEMM_TRACED_SERVER, path_.c_str(), nullptr);
      },
      // Whatever the time that the burst took: it is saved by one of the calls behind it.
      [](const std::string& seen) { return count_of(seen, 4096) > 0 && count_of(seen, 1) > 1; });
  for (const std::int64_t m : kTunedM) EXPECT_GT(count_of(text, m), 0U) << m << ": " << text;
  EXPECT_GT(count_of(text, 1), 1U) << text;
}

TEST_F(Serving, ATraceIsWholeWhereTheRuntimeIsNeverClosed) {
  std::filesystem::create_directory(folder_ / "elsewhere");
  const pid_t child = fork();
  if (child == 0) {
    if (chdir(folder_.path().c_str()) != 0) _exit(2);
    setenv("DEEPGEMM_TRACE", "calls.csv", 1);
    execl(DEEPGEMM_TRACED_SERVER, DEEPGEMM_TRACED_SERVER, path_.c_str(), "elsewhere", nullptr);
    _exit(2);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(count_of(content(folder_ / "calls.csv"), 1), 1000U);
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "elsewhere")) << "a relative path stays put";
}
#endif

TEST_F(Serving, LayersMayBeGivenInBraces) {
  const char* const path = path_.c_str();
  deepgemm::Runtime runtime({path, path});
  EXPECT_EQ(runtime.find({64, 2112, 7168}).match, DEEPGEMM_MATCH_EXACT);
  EXPECT_THROW(deepgemm::Runtime({"no.dgdb", "neither.dgdb"}), std::runtime_error);
  EXPECT_THROW(deepgemm::Runtime({"no.dgdb"}), std::runtime_error);
  EXPECT_THROW(deepgemm::Runtime("no.dgdb"), std::runtime_error);
}

TEST_F(Serving, AHotCallAllocatesNothingAndTakesNoLock) {
  if (!kCountsHotPath) GTEST_SKIP() << "sanitizers have allocations and locks of their own";
  deepgemm::Runtime runtime(path_);
  Stream stream;
  for (std::size_t serial = 0; serial < 30; ++serial) launch_one(runtime, stream, serial);
  stream.problem = {64, 2112, 7168};
  stream.image = key_of(64);
  const HotPathCounts before = hot_path_counts();
  for (std::size_t serial = 0; serial < 100; ++serial) {
    stream.operands = operands_at(serial);
    const bool launched = runtime.gemm(stream.problem, stream.operands, handle_of(stream));
    if (!launched) FAIL();
  }
  for (const std::int64_t m : {1, 90, 5000}) {
    const deepgemm_problem problem{m, 2112, 7168};
    deepgemm_found found;
    const auto status = deepgemm_find(runtime.get(), &problem, DEEPGEMM_MISS_ERROR, &found);
    if (status != DEEPGEMM_OK) FAIL();
  }
  const HotPathCounts after = hot_path_counts();
  EXPECT_EQ(after.allocations, before.allocations);
  EXPECT_EQ(after.locks, before.locks);
  EXPECT_EQ(stream.wrong, 0);
  // The counters do count.
  { const std::string text(100, 'x'); }
  std::mutex mutex;
  mutex.lock();
  mutex.unlock();
  EXPECT_GT(hot_path_counts().allocations, after.allocations);
  EXPECT_GT(hot_path_counts().locks, after.locks);
}

}  // namespace
}  // namespace deepgemm::db
