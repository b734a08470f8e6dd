// Two GPUs of different kinds in one process: every kernel runs where its runtime was opened, or is
// refused. Runs once as it is, and once under ThreadSanitizer.
#include <latch>
#include <thread>

#include "tests/db/scripted_driver/serving_fixture.h"

namespace deepgemm::db {
namespace {

constexpr int kH100 = 0;
constexpr int kH20 = 1;

// A GPU's primary context, retained and current on this thread as the CUDA runtime would see to it.
class OnGpu {
 public:
  explicit OnGpu(int device) : device_(device) {
    cuDevicePrimaryCtxRetain(&context_, device);
    enter();
  }
  ~OnGpu() {
    cuCtxSetCurrent(nullptr);
    cuDevicePrimaryCtxRelease(device_);
  }
  OnGpu(const OnGpu&) = delete;
  OnGpu& operator=(const OnGpu&) = delete;

  CUcontext context() const { return context_; }
  void enter() const { cuCtxSetCurrent(context_); }

 private:
  int device_;
  CUcontext context_ = nullptr;
};

CUcontext current_context() {
  CUcontext context = nullptr;
  cuCtxGetCurrent(&context);
  return context;
}

std::atomic<int> launches_on[2];
void count_launch(const Launch& launch) { ++launches_on[launch.device]; }

class ServingTwoGpus : public Serving {
 protected:
  ServingTwoGpus() {
    cuCtxSetCurrent(nullptr);
    BundleContents contents;
    contents.device_id = "h20";
    for (const std::int64_t m : kTunedM) {
      WinnerRow row{winner_of(m), environment_of("h20"), "2026-01-01T00:00:00.000Z", 0};
      row.winner.config = config_for(m);
      row.winner.kernel_key = key_on(kH20, m);
      contents.cubins.push_back(kernel_named(key_on(kH20, m), config_for(m)));
      contents.winners.push_back(std::move(row));
    }
    contents.cubins.push_back(kernel_named("fallback", config_for(1)));
    contents.fallbacks.push_back({core::Operation::kDense, "fallback", environment_of("h20")});
    write_bundle(contents, h20_path_);
    for (std::atomic<int>& launches : launches_on) launches = 0;
  }
  ~ServingTwoGpus() override { cuCtxSetCurrent(nullptr); }

  static std::string key_on(int device, std::int64_t m) {
    return (device == kH20 ? "h20-" : "") + key_of(m);
  }

  // Of the GPU whose context is current; the same files for both.
  deepgemm::Runtime open() const { return deepgemm::Runtime({path_, h20_path_}); }

  static void own(Stream& stream, const OnGpu& gpu, int device) {
    stream.context = gpu.context();
    stream.device = device;
  }

  // One product on the stream's own GPU; what is said against it.
  static deepgemm_status launch(deepgemm::Runtime& runtime, Stream& stream, std::size_t serial) {
    const std::int64_t m = kTunedM[serial % std::size(kTunedM)];
    stream.problem = {m, 2112, 7168};
    stream.operands = operands_at(serial);
    stream.image = key_on(stream.device, m);
    return deepgemm_gemm(runtime.get(), &stream.problem, &stream.operands, DEEPGEMM_MISS_ERROR,
                         handle_of(stream));
  }

  // A refusal in words, by the call that gave it.
  static void expect_elsewhere(deepgemm_status status) {
    EXPECT_EQ(status, DEEPGEMM_LAUNCH_FAILED);
    const std::string said = deepgemm_last_error();
    EXPECT_NE(said.find("context"), std::string::npos) << said;
    EXPECT_TRUE(
        said.ends_with("Make the context of deepgemm_open current and pass a stream of it."))
        << said;
  }

  std::string h20_path_ = (folder_ / "h20.dgdb").string();
  const deepgemm_problem problem_{64, 2112, 7168};
};

TEST_F(ServingTwoGpus, EachFindsTheRowsOfItsOwnKind) {
  for (const int device : {kH20, kH100}) {
    const OnGpu gpu(device);
    const deepgemm::Runtime runtime = open();
    const deepgemm_found found = runtime.find(problem_);
    EXPECT_EQ(found.match, DEEPGEMM_MATCH_EXACT);
    EXPECT_EQ(found.source, device == kH20 ? h20_path_ : path_);
    EXPECT_EQ(found.kernel_key, key_on(device, 64));
    const deepgemm::Runtime foreign(device == kH20 ? path_ : h20_path_);
    EXPECT_EQ(foreign.find(problem_).match, DEEPGEMM_MATCH_OTHER_DEVICE);
    EXPECT_EQ(foreign.find(problem_).staleness, DEEPGEMM_HINT);
  }
}

TEST_F(ServingTwoGpus, TwoThreadsOpenAndServeOneEach) {
  Stream streams[2];
  std::latch opened(2);
  std::vector<std::thread> threads;
  for (const int device : {kH100, kH20}) {
    threads.emplace_back([&, device] {
      const OnGpu gpu(device);
      own(streams[device], gpu, device);
      deepgemm::Runtime runtime = open();
      opened.arrive_and_wait();
      for (std::size_t serial = 0; serial < 300; ++serial) {
        EXPECT_EQ(launch(runtime, streams[device], serial), DEEPGEMM_OK) << deepgemm_last_error();
      }
      EXPECT_EQ(scripted_driver::modules_alive(device), static_cast<int>(std::size(kTunedM)));
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (Stream& stream : streams) {
    EXPECT_EQ(stream.launches, 300);
    EXPECT_EQ(stream.wrong, 0);
  }
  EXPECT_EQ(scripted_driver::modules_alive(), 0);
}

TEST_F(ServingTwoGpus, ThreadsThatChangeBetweenThemShareBothRuntimes) {
  constexpr std::size_t kThreads = 6;
  const OnGpu gpus[] = {OnGpu(kH100), OnGpu(kH20)};
  gpus[kH20].enter();
  deepgemm::Runtime h20 = open();
  gpus[kH100].enter();
  deepgemm::Runtime h100 = open();
  deepgemm::Runtime* const runtimes[] = {&h100, &h20};
  Stream streams[kThreads][2];
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (const int device : {kH100, kH20}) own(streams[t][device], gpus[device], device);
      for (std::size_t serial = 0; serial < 200; ++serial) {
        const std::size_t device = (serial + t) % 2;
        // Every third time the thread forgets to change.
        if (serial % 3 != 0) gpus[device].enter();
        if (current_context() == nullptr) gpus[1 - device].enter();
        EXPECT_EQ(launch(*runtimes[device], streams[t][device], serial / 2), DEEPGEMM_OK)
            << deepgemm_last_error();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (auto& of_thread : streams) {
    for (Stream& stream : of_thread) {
      EXPECT_EQ(stream.launches, 100);
      EXPECT_EQ(stream.wrong, 0) << "on GPU " << stream.device;
    }
  }
}

// The first call is the one that loads.
TEST_F(ServingTwoGpus, ACallOnTheOthersStreamIsRefusedAndTheNextOneRuns) {
  const OnGpu h20_gpu(kH20);
  const OnGpu h100_gpu(kH100);
  deepgemm::Runtime runtime = open();
  Stream own_stream;
  own(own_stream, h100_gpu, kH100);
  Stream others;
  own(others, h20_gpu, kH20);
  h20_gpu.enter();
  for (int i = 0; i < 2; ++i) expect_elsewhere(launch(runtime, others, 0));
  EXPECT_EQ(others.launches, 0);
  EXPECT_EQ(scripted_driver::modules_alive(kH20), 0);
  EXPECT_EQ(current_context(), h20_gpu.context());
  h100_gpu.enter();
  EXPECT_EQ(launch(runtime, own_stream, 0), DEEPGEMM_OK) << deepgemm_last_error();
  expect_elsewhere(launch(runtime, others, 0));
  EXPECT_EQ(own_stream.wrong, 0);
  EXPECT_EQ(others.launches, 0);
}

TEST_F(ServingTwoGpus, TheDefaultStreamIsTheCurrentContextsAndRefusedOnTheOther) {
  scripted_driver::watch_launches(count_launch);
  const OnGpu h20_gpu(kH20);
  const OnGpu h100_gpu(kH100);
  deepgemm::Runtime runtime = open();
  const deepgemm_operands operands = operands_at(0);
  const auto gemm = [&] {
    return deepgemm_gemm(runtime.get(), &problem_, &operands, DEEPGEMM_MISS_ERROR, nullptr);
  };
  h20_gpu.enter();
  expect_elsewhere(gemm());
  EXPECT_NE(std::strstr(deepgemm_last_error(), "the current context is not that of deepgemm_open"),
            nullptr)
      << deepgemm_last_error();
  std::thread([&] { expect_elsewhere(gemm()); }).join();  // a thread without a context
  EXPECT_EQ(launches_on[kH100] + launches_on[kH20], 0);
  h100_gpu.enter();
  EXPECT_EQ(gemm(), DEEPGEMM_OK) << deepgemm_last_error();
  EXPECT_EQ(launches_on[kH100], 1);
}

TEST_F(ServingTwoGpus, PreparingLoadsIntoTheRuntimesOwnWhicheverIsCurrent) {
  const OnGpu h20_gpu(kH20);
  const OnGpu h100_gpu(kH100);
  deepgemm::Runtime runtime = open();
  Stream stream;
  own(stream, h100_gpu, kH100);
  h20_gpu.enter();
  EXPECT_TRUE(runtime.prepare({{1, 2112, 7168}, {16, 2112, 7168}}));
  EXPECT_EQ(current_context(), h20_gpu.context());
  std::thread([&] {
    EXPECT_TRUE(runtime.prepare({problem_}));
    EXPECT_EQ(current_context(), nullptr);
  }).join();
  EXPECT_EQ(scripted_driver::modules_alive(kH100), 3);
  EXPECT_EQ(scripted_driver::modules_alive(kH20), 0);
  // A stream says by itself where it runs.
  for (std::size_t serial = 0; serial < 3; ++serial) {
    EXPECT_EQ(launch(runtime, stream, serial), DEEPGEMM_OK) << deepgemm_last_error();
  }
  EXPECT_EQ(stream.wrong, 0);
}

TEST_F(ServingTwoGpus, ClosingInTheOthersContextUnloadsFromTheOwn) {
  const OnGpu h20_gpu(kH20);
  deepgemm::Runtime stays = open();
  ASSERT_TRUE(stays.prepare({problem_}));
  const OnGpu h100_gpu(kH100);
  {
    deepgemm::Runtime runtime = open();
    ASSERT_TRUE(runtime.prepare({problem_}));
    h20_gpu.enter();
  }
  EXPECT_EQ(current_context(), h20_gpu.context());
  EXPECT_EQ(scripted_driver::modules_alive(kH100), 0);
  EXPECT_EQ(scripted_driver::modules_alive(kH20), 1);
}

TEST_F(ServingTwoGpus, RowsAreCheckedInTheRuntimesOwnContextAlone) {
  const OnGpu h20_gpu(kH20);
  const OnGpu h100_gpu(kH100);
  const deepgemm::Runtime runtime = open();
  const deepgemm_problem masked{64, 2112, 7168, DEEPGEMM_GROUPED_MASKED, 2};
  const std::int32_t rows[] = {1, 2};
  deepgemm_operands operands = operands_at(0);
  operands.rows = rows;
  operands.row_extent = 8;
  EXPECT_EQ(deepgemm_check(runtime.get(), &masked, &operands, nullptr), DEEPGEMM_OK);
  h20_gpu.enter();
  expect_elsewhere(deepgemm_check(runtime.get(), &masked, &operands, nullptr));
}

TEST_F(ServingTwoGpus, WithoutAContextTheFirstOneServes) {
  Stream stream;
  {
    deepgemm::Runtime runtime = open();
    EXPECT_EQ(runtime.find(problem_).kernel_key, key_on(kH100, 64));
    for (std::size_t serial = 0; serial < 6; ++serial) {
      EXPECT_EQ(launch(runtime, stream, serial), DEEPGEMM_OK) << deepgemm_last_error();
    }
  }
  EXPECT_EQ(stream.wrong, 0);
}

// What the first runtime made current is destroyed with it, and current all the same.
TEST_F(ServingTwoGpus, AThreadWhoseContextWasDestroyedOpensAnotherRuntime) {
  Stream stream;
  for (std::size_t serial = 0; serial < 3; ++serial) {
    deepgemm::Runtime runtime = open();
    EXPECT_EQ(launch(runtime, stream, serial), DEEPGEMM_OK) << deepgemm_last_error();
  }
  EXPECT_EQ(stream.launches, 3);
  EXPECT_EQ(stream.wrong, 0);
}

TEST_F(ServingTwoGpus, APrimaryContextLivesAsLongAsTheRuntimeThatWasOpenedInIt) {
  Stream stream;
  stream.device = kH20;
  std::unique_ptr<deepgemm::Runtime> runtime;
  {
    CUcontext context = nullptr;
    cuDevicePrimaryCtxRetain(&context, kH20);
    cuCtxSetCurrent(context);
    runtime = std::make_unique<deepgemm::Runtime>(open());
    cuDevicePrimaryCtxRelease(kH20);
  }
  EXPECT_EQ(launch(*runtime, stream, 0), DEEPGEMM_OK) << deepgemm_last_error();
  EXPECT_EQ(stream.wrong, 0);
  runtime.reset();
  unsigned flags = 0;
  int is_active = 1;
  cuDevicePrimaryCtxGetState(kH20, &flags, &is_active);
  EXPECT_EQ(is_active, 0) << "and no longer";
}

}  // namespace
}  // namespace deepgemm::db
