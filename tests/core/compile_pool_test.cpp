#include "core/compile_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>

#include "core/error.h"

namespace deepgemm::core {
namespace {

GemmConfig config_with(int stages) {
  GemmConfig config;
  config.stages = stages;
  return config;
}

// Builds what `gate` lets through; refuses 13 stages, breaks down at 14.
class GatedBuilder final : public KernelBuilder {
 public:
  std::string key(const GemmConfig& config) const override { return to_string(config); }

  BuildResult build(const GemmConfig& config) override {
    {
      const std::lock_guard lock(mutex);
      order.push_back(config.stages);
    }
    ++started;
    gate.wait();
    if (config.stages == 14) throw EnvironmentError("there is no compiler", "Install one.");
    BuildResult result;
    if (config.stages == 13) {
      result.failure = "refused";
      return result;
    }
    result.cubin.emplace();
    result.cubin->config = config;
    result.cubin->key = key(config);
    return result;
  }

  std::promise<void> opened;
  std::shared_future<void> gate = opened.get_future().share();
  std::atomic<int> started{0};
  std::mutex mutex;
  std::vector<int> order;  // stages of the configs, as their builds began
};

TEST(CompilePool, GivesEachFutureItsOwnConfig) {
  GatedBuilder builder;
  builder.opened.set_value();
  CompilePool pool(builder, 3);
  std::vector<std::future<BuildResult>> results;
  for (int stages = 1; stages <= 12; ++stages) {
    results.push_back(pool.submit(config_with(stages)));
  }
  for (int stages = 1; stages <= 12; ++stages) {
    const BuildResult result = results[static_cast<std::size_t>(stages - 1)].get();
    ASSERT_TRUE(result.cubin);
    EXPECT_EQ(result.cubin->config.stages, stages);
  }
}

TEST(CompilePool, FailuresAreValuesAndBreakdownsAreThrown) {
  GatedBuilder builder;
  builder.opened.set_value();
  CompilePool pool(builder, 1);
  std::future<BuildResult> refused = pool.submit(config_with(13));
  std::future<BuildResult> broken = pool.submit(config_with(14));
  std::future<BuildResult> fine = pool.submit(config_with(4));
  EXPECT_EQ(refused.get().failure, "refused");
  try {
    broken.get();
    ADD_FAILURE() << "a breakdown was a value";
  } catch (const EnvironmentError& error) {
    EXPECT_STREQ(error.what(), "there is no compiler");
  }
  EXPECT_TRUE(fine.get().cubin) << "a breakdown must not end the thread";
}

TEST(CompilePool, ClosingDropsWhatHasNotStarted) {
  GatedBuilder builder;
  std::future<BuildResult> running;
  std::future<BuildResult> waiting;
  std::thread opener;
  {
    CompilePool pool(builder, 1);
    running = pool.submit(config_with(1));
    while (builder.started == 0) std::this_thread::yield();
    waiting = pool.submit(config_with(2));
    // The gate opens only once the pool is closing, and has dropped it.
    opener = std::thread([&] {
      waiting.wait_for(std::chrono::seconds(20));
      builder.opened.set_value();
    });
  }
  opener.join();
  EXPECT_TRUE(running.get().cubin);
  EXPECT_THROW(waiting.get(), std::future_error);
  EXPECT_EQ(builder.started, 1);
}

CompilePool::Flag not_dropped() { return std::make_shared<std::atomic<bool>>(false); }

TEST(CompilePool, WhatWasAnticipatedIsBuiltOnce) {
  GatedBuilder builder;
  builder.opened.set_value();
  CompilePool pool(builder, 2);
  const std::vector<GemmConfig> configs{config_with(1), config_with(2), config_with(3)};
  pool.anticipate(configs, not_dropped());
  for (const GemmConfig& each : configs) {
    const BuildResult result = pool.submit(each).get();
    ASSERT_TRUE(result.cubin);
    EXPECT_EQ(result.cubin->config, each);
  }
  EXPECT_EQ(builder.started, 3);
  EXPECT_TRUE(pool.submit(config_with(1)).get().cubin) << "but it is kept for one only";
  EXPECT_EQ(builder.started, 4);
}

TEST(CompilePool, WhatIsWaitedForOvertakesWhatIsAnticipated) {
  GatedBuilder builder;
  CompilePool pool(builder, 1);
  std::future<BuildResult> running = pool.submit(config_with(1));
  while (builder.started == 0) std::this_thread::yield();
  const auto dropped = std::make_shared<std::atomic<bool>>(false);
  pool.anticipate(std::vector<GemmConfig>{config_with(2), config_with(3)}, dropped);
  std::future<BuildResult> waited = pool.submit(config_with(4));
  builder.opened.set_value();
  EXPECT_TRUE(waited.get().cubin);
  const std::lock_guard lock(builder.mutex);
  EXPECT_EQ(builder.order.at(1), 4);
}

TEST(CompilePool, WhatWasDroppedIsNotBuiltAhead) {
  GatedBuilder builder;
  CompilePool pool(builder, 1);
  std::future<BuildResult> running = pool.submit(config_with(1));
  while (builder.started == 0) std::this_thread::yield();
  const auto dropped = std::make_shared<std::atomic<bool>>(false);
  pool.anticipate(std::vector<GemmConfig>{config_with(2), config_with(3)}, dropped);
  *dropped = true;
  std::future<BuildResult> last = pool.submit(config_with(4));
  builder.opened.set_value();
  EXPECT_TRUE(last.get().cubin);
  EXPECT_EQ(builder.started, 2);
}

TEST(CompilePool, ZeroThreadsMeansTheMachines) {
  GatedBuilder builder;
  builder.opened.set_value();
  CompilePool pool(builder, 0);
  EXPECT_TRUE(pool.submit(config_with(2)).get().cubin);
}

}  // namespace
}  // namespace deepgemm::core
