#include <cstring>
#include <memory>

#include "core/context.h"
#include "core/include/deepgemm/deepgemm.hpp"
#include "core/version.h"
#include "db/runtime_handle.h"
#include "tests/db/fixture.h"

extern "C" const char* version_seen_from_c(void);

namespace deepgemm::db {
namespace {

constexpr deepgemm_miss kError = DEEPGEMM_MISS_ERROR;

bool has_gpu() {
  return failure_of([] { core::device_count(); }).empty();
}

class CApi : public testing::Test {
 protected:
  CApi() {
    {
      TuningDb database(path_, OpenMode::kTune);
      database.record(winner_of(128, 8.0), environment_of());
    }
    // As deepgemm_open makes it, but for a device that need not be there.
    std::vector<Catalog> layers;
    layers.emplace_back(path_, environment_of());
    runtime_ = std::make_unique<deepgemm_runtime>(
        std::move(layers), *core::find_device_profile("h100-sxm5"), environment_of(),
        [](const core::GemmConfig&) -> core::BuildResult {
          throw core::EnvironmentError("NVRTC is missing", "Install it.");
        },
        nullptr);
  }

  static void expect_refused(deepgemm_status status, const std::string& words) {
    EXPECT_EQ(status, DEEPGEMM_BAD_ARGUMENT);
    EXPECT_NE(std::string(deepgemm_last_error()).find(words), std::string::npos)
        << deepgemm_last_error();
  }

  deepgemm_operands aligned_operands() { return {memory_, memory_, memory_, memory_, memory_}; }

  alignas(16) float memory_[8] = {};
  TempFolder folder_;
  std::string path_ = (folder_ / "t.db").string();
  std::unique_ptr<deepgemm_runtime> runtime_;
  deepgemm_problem problem_{100, 2112, 7168};
};

TEST_F(CApi, VersionIsTheLibrarys) { EXPECT_STREQ(version_seen_from_c(), core::kVersion); }

TEST_F(CApi, FindFillsEveryField) {
  deepgemm_found found;
  ASSERT_EQ(deepgemm_find(runtime_.get(), &problem_, kError, &found), DEEPGEMM_OK);
  EXPECT_EQ(found.match, DEEPGEMM_MATCH_BUCKET);
  EXPECT_STREQ(found.reason, "m = 100 lies in (0, 128], tuned at m = 128");
  EXPECT_EQ(found.config, core::to_string(config_of(200)));
  EXPECT_STREQ(found.kernel_key, "key-128");
  EXPECT_EQ(found.time_us, 8.0);
  EXPECT_EQ(found.measured, 1);
  EXPECT_EQ(found.staleness, DEEPGEMM_CURRENT);
  EXPECT_STREQ(found.staleness_reason, "");
  EXPECT_EQ(found.source, path_);
}

TEST_F(CApi, ARowOfOtherClocksIsFoundAndGraded) {
  core::Environment slower = environment_of();
  slower.sm_clock_max_mhz = 1755;
  {
    TuningDb database(path_, OpenMode::kTune);
    database.record(winner_of(256, 9.0), slower);
  }
  std::vector<Catalog> layers;
  layers.emplace_back(path_, environment_of());
  deepgemm_runtime runtime(std::move(layers), *core::find_device_profile("h100-sxm5"),
                           environment_of(), {}, nullptr);
  const deepgemm_problem problem{256, 2112, 7168};
  deepgemm_found found;
  ASSERT_EQ(deepgemm_find(&runtime, &problem, kError, &found), DEEPGEMM_OK);
  EXPECT_EQ(found.match, DEEPGEMM_MATCH_EXACT);
  EXPECT_EQ(found.staleness, DEEPGEMM_VERIFY);
  EXPECT_STREQ(found.staleness_reason,
               "measured where the highest SM clock is 1755 MHz, here it is 1980 MHz: "
               "run deepgemm-db verify");
  ASSERT_EQ(deepgemm_find(&runtime, &problem_, kError, &found), DEEPGEMM_OK);
  EXPECT_EQ(found.staleness, DEEPGEMM_CURRENT) << "one foreign row spoils no other";
}

TEST_F(CApi, WhatAMissMaySayIsUpToEachCall) {
  const deepgemm_problem other{100, 8, 16};
  deepgemm_found found;
  EXPECT_EQ(deepgemm_find(runtime_.get(), &other, DEEPGEMM_MISS_NEAREST, &found), DEEPGEMM_OK);
  EXPECT_EQ(found.match, DEEPGEMM_MATCH_NEAREST);
  EXPECT_STREQ(found.kernel_key, "key-128");
  EXPECT_EQ(deepgemm_find(runtime_.get(), &other, DEEPGEMM_MISS_COMPILE, &found), DEEPGEMM_OK);
  EXPECT_EQ(found.match, DEEPGEMM_MATCH_COMPILED);
  EXPECT_STREQ(found.kernel_key, "");
  EXPECT_NE(std::strstr(found.config, "block_m="), nullptr);
  EXPECT_EQ(deepgemm_find(runtime_.get(), &other, DEEPGEMM_MISS_FALLBACK, &found),
            DEEPGEMM_NO_KERNEL);
  EXPECT_EQ(deepgemm_find(runtime_.get(), &other, kError, &found), DEEPGEMM_NO_KERNEL);
  expect_refused(deepgemm_find(runtime_.get(), &other, static_cast<deepgemm_miss>(3 + 1), &found),
                 "miss = 4 is no deepgemm_miss");
  EXPECT_EQ(deepgemm_prepare(runtime_.get(), &other, 1, DEEPGEMM_MISS_COMPILE),
            DEEPGEMM_LAUNCH_FAILED);
  EXPECT_NE(std::strstr(deepgemm_last_error(), "NVRTC is missing"), nullptr);
}

TEST_F(CApi, AMissIsReportedWithTheNextStep) {
  const deepgemm_problem other{100, 8, 16};
  deepgemm_found found;
  EXPECT_EQ(deepgemm_find(runtime_.get(), &other, kError, &found), DEEPGEMM_NO_KERNEL);
  EXPECT_EQ(found.match, DEEPGEMM_MATCH_NONE);
  EXPECT_NE(std::strstr(found.reason, "deepgemm-tune 100x8x16"), nullptr);
  EXPECT_NE(std::strstr(deepgemm_last_error(), "deepgemm-tune 100x8x16"), nullptr);
  const deepgemm_operands operands = aligned_operands();
  EXPECT_EQ(deepgemm_gemm(runtime_.get(), &other, &operands, kError, nullptr), DEEPGEMM_NO_KERNEL);
  EXPECT_EQ(deepgemm_prepare(runtime_.get(), &other, 1, kError), DEEPGEMM_NO_KERNEL);
}

TEST_F(CApi, IllegalShapesAreRefused) {
  deepgemm_found found;
  const deepgemm_operands operands = aligned_operands();
  for (const auto& [problem, words] :
       std::initializer_list<std::pair<deepgemm_problem, const char*>>{
           {{0, 2112, 7168}, "m = 0"},
           {{1, 2113, 7168}, "n = 2113 must be a multiple of 8"},
           {{1, 2112, 17}, "k = 17 must be a multiple of 16"},
           {{std::int64_t{1} << 40, 2112, 7168}, "is larger than"}}) {
    expect_refused(deepgemm_find(runtime_.get(), &problem, kError, &found), words);
    expect_refused(deepgemm_prepare(runtime_.get(), &problem, 1, kError), words);
    expect_refused(deepgemm_gemm(runtime_.get(), &problem, &operands, kError, nullptr), words);
  }
}

TEST_F(CApi, NullArgumentsAreRefused) {
  deepgemm_found found;
  const deepgemm_operands operands = aligned_operands();
  deepgemm_runtime* opened = nullptr;
  const char* path = path_.c_str();
  const char* const paths[] = {path, nullptr};
  expect_refused(deepgemm_open(&path, 1, nullptr), "null");
  expect_refused(deepgemm_open(nullptr, 1, &opened), "a path is null");
  expect_refused(deepgemm_open(paths, 2, &opened), "a path is null");
  expect_refused(deepgemm_open(&path, 0, &opened), "count = 0");
  expect_refused(deepgemm_find(nullptr, &problem_, kError, &found), "the runtime is null");
  expect_refused(deepgemm_find(runtime_.get(), nullptr, kError, &found), "the problem is null");
  expect_refused(deepgemm_find(runtime_.get(), &problem_, kError, nullptr), "null");
  expect_refused(deepgemm_prepare(nullptr, &problem_, 1, kError), "the runtime is null");
  expect_refused(deepgemm_prepare(runtime_.get(), nullptr, 1, kError),
                 "problem 0: the problem is null");
  expect_refused(deepgemm_prepare(runtime_.get(), &problem_, -1, kError), "count = -1");
  expect_refused(deepgemm_gemm(nullptr, &problem_, &operands, kError, nullptr),
                 "the runtime is null");
  expect_refused(deepgemm_gemm(runtime_.get(), &problem_, nullptr, kError, nullptr),
                 "the operands are null");
  EXPECT_EQ(deepgemm_prepare(runtime_.get(), nullptr, 0, kError), DEEPGEMM_OK);
  deepgemm_close(nullptr);
}

TEST_F(CApi, NullAndMisalignedOperandsAreNamed) {
  const auto gemm = [this](auto change) {
    deepgemm_operands operands = aligned_operands();
    change(operands);
    return deepgemm_gemm(runtime_.get(), &problem_, &operands, kError, nullptr);
  };
  const char* bytes = reinterpret_cast<const char*>(memory_);
  expect_refused(gemm([&](auto& o) { o.a = bytes + 8; }), "operand a is not aligned to 16 bytes");
  expect_refused(gemm([&](auto& o) { o.b = nullptr; }), "operand b is null");
  expect_refused(gemm([&](auto& o) { o.scale_a = memory_ + 1; }), "operand scale_a is not aligned");
  expect_refused(gemm([&](auto& o) { o.scale_b = nullptr; }), "operand scale_b is null");
  expect_refused(gemm([&](auto& o) { o.d = memory_ + 2; }), "operand d is not aligned");
}

TEST_F(CApi, AGroupedProblemIsNotADenseOne) {
  const deepgemm_problem grouped{100, 2112, 7168, DEEPGEMM_GROUPED_MASKED, 4};
  deepgemm_found found;
  EXPECT_EQ(deepgemm_find(runtime_.get(), &grouped, kError, &found), DEEPGEMM_NO_KERNEL);
  EXPECT_STREQ(found.reason,
               "nothing was tuned for n = 2112, k = 7168, grouped-masked with groups = 4; run "
               "deepgemm-tune 100x2112x7168 --op grouped-masked --groups 4");
  EXPECT_EQ(deepgemm_find(runtime_.get(), &grouped, DEEPGEMM_MISS_NEAREST, &found),
            DEEPGEMM_NO_KERNEL);
  EXPECT_EQ(deepgemm_find(runtime_.get(), &grouped, DEEPGEMM_MISS_COMPILE, &found), DEEPGEMM_OK);
  EXPECT_NE(std::strstr(found.config, "operation=3"), nullptr);
}

TEST_F(CApi, IllegalGroupedProblemsAndOperandsAreRefused) {
  deepgemm_found found;
  const auto find = [&](deepgemm_problem problem) {
    return deepgemm_find(runtime_.get(), &problem, kError, &found);
  };
  expect_refused(find({1, 8, 16, DEEPGEMM_GROUPED_MASKED, 0}), "groups = 0 must be from 1");
  expect_refused(find({1, 8, 16, DEEPGEMM_GROUPED_MASKED, 2, 8}), "alignment must be 1");
  expect_refused(find({1, 8, 16, DEEPGEMM_GROUPED_CONTIGUOUS, 2, 3}), "alignment = 3");
  expect_refused(find({1, 8, 16, DEEPGEMM_DENSE, 2}), "groups must be 1");
  expect_refused(find({1, 8, 16, static_cast<deepgemm_operation>(7)}), "operation = 7");
  EXPECT_EQ(find({1, 8, 16, DEEPGEMM_GROUPED_CONTIGUOUS, 2}), DEEPGEMM_NO_KERNEL);

  const deepgemm_problem masked{1, 8, 16, DEEPGEMM_GROUPED_MASKED, 2};
  const auto gemm = [&](auto change) {
    deepgemm_operands operands = aligned_operands();
    operands.rows = reinterpret_cast<const std::int32_t*>(memory_);
    operands.row_extent = 8;
    change(operands);
    EXPECT_EQ(deepgemm_check(runtime_.get(), &masked, &operands, nullptr), DEEPGEMM_BAD_ARGUMENT);
    return deepgemm_gemm(runtime_.get(), &masked, &operands, kError, nullptr);
  };
  expect_refused(gemm([](auto& o) { o.rows = nullptr; }), "operand rows is null");
  expect_refused(gemm([](auto& o) { o.row_extent = 0; }),
                 "row_extent = 0 must be from 1 to 536870912: it is the rows that each group");
}

TEST_F(CApi, AMissingKernelIsABadDatabase) {
  const deepgemm_operands operands = aligned_operands();
  EXPECT_EQ(deepgemm_gemm(runtime_.get(), &problem_, &operands, kError, nullptr),
            DEEPGEMM_BAD_DATABASE);
  EXPECT_EQ(deepgemm_prepare(runtime_.get(), &problem_, 1, kError), DEEPGEMM_BAD_DATABASE);
  EXPECT_NE(std::strstr(deepgemm_last_error(), "key-128"), nullptr);
}

TEST_F(CApi, OpenRefusesBadFilesAndMachinesWithoutGpu) {
  deepgemm_runtime* opened = runtime_.get();
  const std::string missing = path_ + ".none";
  const char* const paths[] = {path_.c_str(), missing.c_str()};
  EXPECT_EQ(deepgemm_open(paths, 2, &opened), DEEPGEMM_BAD_DATABASE);
  EXPECT_EQ(opened, nullptr);
  EXPECT_NE(std::strstr(deepgemm_last_error(), "there is no database at"), nullptr);
  const deepgemm_status status = deepgemm_open(paths, 1, &opened);
  EXPECT_EQ(status, has_gpu() ? DEEPGEMM_OK : DEEPGEMM_NO_DEVICE) << deepgemm_last_error();
  EXPECT_EQ(opened != nullptr, has_gpu());
  if (status != DEEPGEMM_OK) {
    const std::string said = deepgemm_last_error();
    EXPECT_TRUE(said.starts_with("The NVIDIA driver")) << said;
    EXPECT_TRUE(said.ends_with("Run on a machine with an NVIDIA Hopper GPU and its driver."))
        << said;
  }
  deepgemm_close(opened);
}

TEST_F(CApi, TheCppFaceThrowsTheSentence) {
  try {
    const deepgemm::Runtime runtime(path_ + ".none");
    FAIL() << "a missing file was opened";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), deepgemm_last_error());
    EXPECT_NE(std::strstr(error.what(), "there is no database at"), nullptr);
  }
}

}  // namespace
}  // namespace deepgemm::db
