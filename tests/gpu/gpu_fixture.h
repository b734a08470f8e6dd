// What tests on a real GPU share.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "autotune/gpu_executor.h"
#include "core/error.h"
#include "core/jit_builder.h"

namespace deepgemm::gpu_test {

// One executor for all tests of a process: CUPTI allows one timer at a time.
class Gpu {
 public:
  // nullptr where there is no Hopper GPU; why() then has the sentence.
  static autotune::Executor* executor() { return instance().executor_.get(); }
  static const std::string& why() { return instance().why_; }
  // Built in memory: these tests must not depend on a cache.
  static core::JitBuilder& builder() { return *instance().builder_; }
  static void close() { slot().reset(); }

 private:
  Gpu() {
    try {
      executor_ = autotune::open_gpu(0, {}, autotune::Timing::kWhenNeeded);
      builder_ = std::make_unique<core::JitBuilder>("");
    } catch (const core::EnvironmentError& error) {
      executor_.reset();
      why_ = error.what();
    }
  }
  static std::unique_ptr<Gpu>& slot() {
    static std::unique_ptr<Gpu> gpu;
    return gpu;
  }
  static Gpu& instance() {
    if (!slot()) slot().reset(new Gpu);
    return *slot();
  }

  std::unique_ptr<autotune::Executor> executor_;
  std::unique_ptr<core::JitBuilder> builder_;
  std::string why_;
};

// Closes it after the last test. A static destructor would come too late: CUPTI, which the first
// measurement loads, is unloaded before it.
class GpuCloser : public testing::Environment {
 public:
  void TearDown() override { Gpu::close(); }
};
inline testing::Environment* const kGpuCloser = testing::AddGlobalTestEnvironment(new GpuCloser);

class GpuTest : public testing::Test {
 protected:
  void SetUp() override {
    if (Gpu::executor() == nullptr) GTEST_SKIP() << "needs a Hopper GPU: " << Gpu::why();
  }

  static core::GemmProblem problem(std::int64_t m, std::int64_t n, std::int64_t k) {
    core::GemmProblem p;
    p.m = m;
    p.n = n;
    p.k = k;
    return p;
  }

  static core::Cubin build_anew(const std::string& config) {
    core::BuildResult result = Gpu::builder().build(core::parse_config(config));
    EXPECT_TRUE(result.cubin) << config << ": " << result.failure << "\n" << result.log;
    return result.cubin ? *result.cubin : core::Cubin{};
  }

  // Once in a process: many tests run the same kernels, and each takes the compiler a second.
  static core::Cubin build(const std::string& config) {
    static std::map<std::string, core::Cubin> built;
    const auto found = built.find(config);
    if (found != built.end()) return found->second;
    return built.emplace(config, build_anew(config)).first->second;
  }
};

}  // namespace deepgemm::gpu_test
