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
    runtime_ = std::make_unique<deepgemm_runtime>(
        std::make_unique<TuningDb>(path_, OpenMode::kReadOnly), "h100-sxm5", std::nullopt);
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
  ASSERT_EQ(deepgemm_find(runtime_.get(), &problem_, &found), DEEPGEMM_OK);
  EXPECT_EQ(found.match, DEEPGEMM_MATCH_BUCKET);
  EXPECT_STREQ(found.reason, "m = 100 lies in (0, 128], tuned at m = 128");
  EXPECT_EQ(found.config, core::to_string(config_of(200)));
  EXPECT_STREQ(found.kernel_key, "key-128");
  EXPECT_EQ(found.time_us, 8.0);
  EXPECT_EQ(found.measured, 1);
}

TEST_F(CApi, AMissIsReportedWithTheNextStep) {
  const deepgemm_problem other{100, 8, 16};
  deepgemm_found found;
  EXPECT_EQ(deepgemm_find(runtime_.get(), &other, &found), DEEPGEMM_NO_KERNEL);
  EXPECT_EQ(found.match, DEEPGEMM_MATCH_NONE);
  EXPECT_NE(std::strstr(found.reason, "deepgemm-tune 100x8x16"), nullptr);
  EXPECT_NE(std::strstr(deepgemm_last_error(), "deepgemm-tune 100x8x16"), nullptr);
  const deepgemm_operands operands = aligned_operands();
  EXPECT_EQ(deepgemm_gemm(runtime_.get(), &other, &operands, nullptr), DEEPGEMM_NO_KERNEL);
  EXPECT_EQ(deepgemm_prepare(runtime_.get(), &other, 1), DEEPGEMM_NO_KERNEL);
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
    expect_refused(deepgemm_find(runtime_.get(), &problem, &found), words);
    expect_refused(deepgemm_prepare(runtime_.get(), &problem, 1), words);
    expect_refused(deepgemm_gemm(runtime_.get(), &problem, &operands, nullptr), words);
  }
}

TEST_F(CApi, NullArgumentsAreRefused) {
  deepgemm_found found;
  const deepgemm_operands operands = aligned_operands();
  deepgemm_runtime* opened = nullptr;
  expect_refused(deepgemm_open(path_.c_str(), nullptr), "null");
  expect_refused(deepgemm_open(nullptr, &opened), "the path is null");
  expect_refused(deepgemm_find(nullptr, &problem_, &found), "the runtime is null");
  expect_refused(deepgemm_find(runtime_.get(), nullptr, &found), "the problem is null");
  expect_refused(deepgemm_find(runtime_.get(), &problem_, nullptr), "null");
  expect_refused(deepgemm_prepare(nullptr, &problem_, 1), "the runtime is null");
  expect_refused(deepgemm_prepare(runtime_.get(), nullptr, 1), "problem 0: the problem is null");
  expect_refused(deepgemm_prepare(runtime_.get(), &problem_, -1), "count = -1");
  expect_refused(deepgemm_gemm(nullptr, &problem_, &operands, nullptr), "the runtime is null");
  expect_refused(deepgemm_gemm(runtime_.get(), &problem_, nullptr, nullptr),
                 "the operands are null");
  EXPECT_EQ(deepgemm_prepare(runtime_.get(), nullptr, 0), DEEPGEMM_OK);
  deepgemm_close(nullptr);
}

TEST_F(CApi, NullAndMisalignedOperandsAreNamed) {
  const auto gemm = [this](auto change) {
    deepgemm_operands operands = aligned_operands();
    change(operands);
    return deepgemm_gemm(runtime_.get(), &problem_, &operands, nullptr);
  };
  const char* bytes = reinterpret_cast<const char*>(memory_);
  expect_refused(gemm([&](auto& o) { o.a = bytes + 8; }), "operand a is not aligned to 16 bytes");
  expect_refused(gemm([&](auto& o) { o.b = nullptr; }), "operand b is null");
  expect_refused(gemm([&](auto& o) { o.scale_a = memory_ + 1; }), "operand scale_a is not aligned");
  expect_refused(gemm([&](auto& o) { o.scale_b = nullptr; }), "operand scale_b is null");
  expect_refused(gemm([&](auto& o) { o.d = memory_ + 2; }), "operand d is not aligned");
}

TEST_F(CApi, AMissingKernelIsABadDatabase) {
  const deepgemm_operands operands = aligned_operands();
  EXPECT_EQ(deepgemm_gemm(runtime_.get(), &problem_, &operands, nullptr), DEEPGEMM_BAD_DATABASE);
  EXPECT_EQ(deepgemm_prepare(runtime_.get(), &problem_, 1), DEEPGEMM_BAD_DATABASE);
  EXPECT_NE(std::strstr(deepgemm_last_error(), "key-128"), nullptr);
}

TEST_F(CApi, OpenRefusesBadFilesAndMachinesWithoutGpu) {
  deepgemm_runtime* opened = runtime_.get();
  EXPECT_EQ(deepgemm_open((path_ + ".none").c_str(), &opened), DEEPGEMM_BAD_DATABASE);
  EXPECT_EQ(opened, nullptr);
  EXPECT_NE(std::strstr(deepgemm_last_error(), "there is no database at"), nullptr);
  const deepgemm_status status = deepgemm_open(path_.c_str(), &opened);
  EXPECT_EQ(status, has_gpu() ? DEEPGEMM_OK : DEEPGEMM_NO_DEVICE) << deepgemm_last_error();
  EXPECT_EQ(opened != nullptr, has_gpu());
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
