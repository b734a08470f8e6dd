// The runtime library as a server uses it, from its C interface down to the driver's door. Runs
// once as it is, and once under ThreadSanitizer.
#include <atomic>
#include <cstring>
#include <functional>
#include <latch>
#include <mutex>
#include <thread>

#include "core/config.h"
#include "core/include/deepgemm/deepgemm.hpp"
#include "db/bundle_file.h"
#include "tests/db/fixture.h"
#include "tests/db/scripted_driver/hot_path.h"
#include "tests/db/scripted_driver/scripted_driver.h"

namespace deepgemm::db {
namespace {

using scripted_driver::Launch;
using scripted_driver::Tensor;

constexpr int kThreads = 8;
constexpr int kStreamsPerThread = 2;
constexpr int kRounds = 300;
constexpr std::int64_t kTunedM[] = {1, 16, 64, 128, 512, 4096};

// What stands behind a stream's handle: who uses it, and what was launched on it.
struct Stream {
  std::atomic<int> launches = 0;
  std::atomic<int> wrong = 0;
  // What the owner launches just now.
  deepgemm_problem problem{};
  deepgemm_operands operands{};
  std::string image;
};

CUstream handle_of(Stream& stream) { return reinterpret_cast<CUstream>(&stream); }

bool describes(const void* map, const void* data, std::int64_t rows, std::int64_t columns) {
  Tensor tensor;
  std::memcpy(&tensor, map, sizeof tensor);
  return tensor.data == data && tensor.rows == static_cast<cuuint64_t>(rows) &&
         tensor.columns == static_cast<cuuint64_t>(columns);
}

// The driver's door: each launch must be the one that its stream's owner asked for.
void check_launch(const Launch& launch) {
  Stream& stream = *reinterpret_cast<Stream*>(launch.stream);
  const deepgemm_problem& p = stream.problem;
  const deepgemm_operands& o = stream.operands;
  kernels::GemmArguments arguments;
  std::memcpy(&arguments, launch.parameters[4], sizeof arguments);
  const bool right = launch.image == stream.image &&
                     describes(launch.parameters[0], o.a, p.m, p.k) &&
                     describes(launch.parameters[1], o.b, p.n, p.k) &&
                     describes(launch.parameters[2], o.scale_a, (p.k + 127) / 128, p.m) &&
                     describes(launch.parameters[3], o.d, p.m, p.n) &&
                     arguments.scale_b == o.scale_b && arguments.d == o.d && arguments.m == p.m &&
                     arguments.n == p.n && arguments.k == p.k && launch.blocks > 0;
  stream.wrong += right ? 0 : 1;
  ++stream.launches;
}

core::GemmConfig config_for(std::int64_t m) {
  return core::parse_config(m <= 64 ? "block_m=64,math_warpgroups=1" : "block_m=128");
}

// The image of each kernel names it.
core::Cubin kernel_named(const std::string& key, const core::GemmConfig& config) {
  core::Cubin cubin{key, "deepgemm_dense", config, {key.begin(), key.end()}, {}};
  cubin.image.push_back('\0');
  return cubin;
}

std::string key_of(std::int64_t m) { return "kernel-of-" + std::to_string(m); }

class Serving : public testing::Test {
 protected:
  Serving() {
    BundleContents contents;
    contents.device_id = "h100-sxm5";
    for (const std::int64_t m : kTunedM) {
      WinnerRow row{winner_of(m), environment_of(), "2026-01-01T00:00:00.000Z", 0};
      row.winner.config = config_for(m);
      row.winner.kernel_key = key_of(m);
      contents.cubins.push_back(kernel_named(key_of(m), config_for(m)));
      contents.winners.push_back(std::move(row));
    }
    contents.cubins.push_back(kernel_named("fallback", config_for(1)));
    contents.fallbacks.push_back({core::Operation::kDense, "fallback", environment_of()});
    write_bundle(contents, path_);
    scripted_driver::watch_launches(check_launch);
  }

  // Memory that nobody reads: only its addresses matter, and each call has other ones.
  static deepgemm_operands operands_at(std::size_t place) {
    const auto address = [place](std::size_t which) {
      return reinterpret_cast<void*>((place + 1) << 20 | which << 12);
    };
    return {address(1), address(2), static_cast<float*>(address(3)),
            static_cast<float*>(address(4)), address(5)};
  }

  // One product on `stream`, of a shape that has a row or, every fifth time, none.
  static void launch_one(deepgemm::Runtime& runtime, Stream& stream, std::size_t serial) {
    const std::int64_t m = kTunedM[serial % std::size(kTunedM)];
    const bool has_row = serial % 5 != 0;
    stream.problem = {m, has_row ? 2112 : 1024, 7168};
    stream.operands = operands_at(serial);
    stream.image = has_row ? key_of(m) : "fallback";
    ASSERT_TRUE(
        runtime.gemm(stream.problem, stream.operands, handle_of(stream), DEEPGEMM_MISS_FALLBACK));
  }

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

  TempFolder folder_;
  std::string path_ = (folder_ / "b.dgdb").string();
};

TEST_F(Serving, EightThreadsWithTwoStreamsEachShareOneRuntime) {
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

// What the last grouped launch was told.
kernels::GemmArguments grouped_arguments;
Tensor grouped_tensors[4];
void keep_launch(const Launch& launch) {
  std::memcpy(&grouped_arguments, launch.parameters[4], sizeof grouped_arguments);
  for (int i = 0; i < 4; ++i)
    std::memcpy(&grouped_tensors[i], launch.parameters[i], sizeof(Tensor));
}

class ServingGroups : public Serving {
 protected:
  ServingGroups() {
    BundleContents contents;
    contents.device_id = "h100-sxm5";
    WinnerRow row{winner_of(64), environment_of(), "2026-01-01T00:00:00.000Z", 0};
    row.winner.problem = {
        .operation = core::Operation::kGroupedMasked, .m = 64, .n = 2112, .k = 7168, .groups = 4};
    row.winner.config = core::parse_config("block_m=64,math_warpgroups=1,operation=3");
    row.winner.kernel_key = key_of(64);
    contents.cubins.push_back(kernel_named(key_of(64), row.winner.config));
    contents.winners.push_back(std::move(row));
    contents.fallbacks.push_back({core::Operation::kGroupedMasked, key_of(64), environment_of()});
    write_bundle(contents, grouped_path_);
    scripted_driver::watch_launches(keep_launch);
  }
  ~ServingGroups() override { scripted_driver::pretend_capture(false); }

  deepgemm_operands operands(const std::int32_t* rows, std::int64_t extent) {
    deepgemm_operands operands = operands_at(0);
    operands.rows = rows;
    operands.row_extent = extent;
    return operands;
  }

  std::string grouped_path_ = (folder_ / "g.dgdb").string();
  const deepgemm_problem problem_{50, 2112, 7168, DEEPGEMM_GROUPED_MASKED, 4};
};

TEST_F(ServingGroups, ALaunchCarriesRoomRowsAndGroups) {
  deepgemm::Runtime runtime(grouped_path_);
  const std::int32_t rows[4] = {3, 0, 200, -1};
  EXPECT_EQ(runtime.find(problem_).match, DEEPGEMM_MATCH_BUCKET);
  ASSERT_TRUE(runtime.prepare({problem_}));
  ASSERT_TRUE(runtime.gemm(problem_, operands(rows, 150)));
  EXPECT_EQ(grouped_arguments.rows, rows);
  EXPECT_EQ(grouped_arguments.m, 150);
  EXPECT_EQ(grouped_arguments.groups, 4);
  EXPECT_EQ(grouped_tensors[0].rows, 4u * 150);
  EXPECT_EQ(grouped_tensors[1].rows, 4u * 2112);
  EXPECT_EQ(grouped_tensors[2].rows, 4u * 56);
  EXPECT_EQ(grouped_tensors[2].columns, 150u);
  EXPECT_EQ(grouped_tensors[3].rows, 4u * 150);
  EXPECT_EQ(runtime.find({50, 2112, 7168, DEEPGEMM_GROUPED_MASKED, 5}).match, DEEPGEMM_MATCH_NONE);
  EXPECT_EQ(runtime.find({50, 2112, 7168, DEEPGEMM_GROUPED_MASKED, 5}, DEEPGEMM_MISS_NEAREST).match,
            DEEPGEMM_MATCH_NEAREST);
}

TEST_F(ServingGroups, ACheckFindsBadRowsAndIsLegalDuringCapture) {
  deepgemm::Runtime runtime(grouped_path_);
  const std::int32_t good[4] = {3, 0, 150, 1};
  const std::int32_t bad[4] = {3, 0, 151, 1};
  EXPECT_NO_THROW(runtime.check(problem_, operands(good, 150)));
  EXPECT_THROW(runtime.check(problem_, operands(bad, 150)), std::runtime_error);
  EXPECT_NE(std::strstr(deepgemm_last_error(), "group 2 has 151 rows"), nullptr);
  EXPECT_TRUE(runtime.gemm(problem_, operands(bad, 150)))
      << "which only a checked runtime looks at";
  scripted_driver::pretend_capture(true);
  EXPECT_NO_THROW(runtime.check(problem_, operands(bad, 150)));
}

TEST_F(ServingGroups, ACheckedRuntimeChecksEveryCall) {
  setenv("DEEPGEMM_CHECK", "1", 1);
  deepgemm::Runtime runtime(grouped_path_);
  unsetenv("DEEPGEMM_CHECK");
  const std::int32_t bad[4] = {3, 0, -1, 1};
  EXPECT_THROW((void)runtime.gemm(problem_, operands(bad, 150)), std::runtime_error);
  EXPECT_NE(std::strstr(deepgemm_last_error(), "group 2 has -1 rows"), nullptr);
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
