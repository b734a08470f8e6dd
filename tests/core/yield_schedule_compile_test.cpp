// Hints of the promotion, in kernels as NVRTC compiles them. Needs NVRTC, no GPU.
#include "core/yield_schedule.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>

#include "core/error.h"
#include "core/jit_builder.h"

namespace deepgemm::core {
namespace {

// As nvdisasm reads them.
constexpr std::uint64_t kStay = 1ull << 45;
constexpr std::uint64_t kReuse = 3ull << 58;

const GemmConfig kConfig = parse_config("block_m=256,block_n=128,stages=3,cluster_m=2");

std::uint64_t word(const std::vector<char>& image, std::size_t at) {
  std::uint64_t value = 0;
  std::memcpy(&value, image.data() + at, sizeof(value));
  return value;
}

void set_word(std::vector<char>& image, std::size_t at, std::uint64_t value) {
  std::memcpy(image.data() + at, &value, sizeof(value));
}

// Where FFMA lie one behind the other, at least so many.
std::vector<std::size_t> ffma_in_rows_of(const std::vector<char>& image, std::size_t least) {
  std::vector<std::size_t> found;
  std::vector<std::size_t> row;
  for (std::size_t at = 0; at + 16 <= image.size(); at += 16) {
    if ((word(image, at) & 0xffff) == 0x7223) {
      row.push_back(at);
      continue;
    }
    if (row.size() >= least) found.insert(found.end(), row.begin(), row.end());
    row.clear();
  }
  return found;
}

class YieldSchedule : public testing::Test {
 protected:
  void SetUp() override {
    try {
      JitBuilder builder("");
      const BuildResult result = builder.build(kConfig);
      ASSERT_TRUE(result.cubin) << result.failure;
      image_ = result.cubin->image;
    } catch (const EnvironmentError& error) {
      GTEST_SKIP() << "needs NVRTC: " << error.what();
    }
  }

  std::vector<char> image_;  // scheduled
};

TEST_F(YieldSchedule, OneOfSixGivesWayAndHoldsNothing) {
  const std::vector<std::size_t> places = ffma_in_rows_of(image_, 24);
  ASSERT_GE(places.size(), 128u) << "two rows of each of 64 accumulators, twice";
  std::size_t gives_way = 0;
  std::size_t holds = 0;
  for (const std::size_t at : places) {
    const std::uint64_t hints = word(image_, at + 8);
    if ((hints & kReuse) != 0) ++holds;
    if ((hints & kStay) != 0) continue;
    ++gives_way;
    EXPECT_EQ(hints & kReuse, 0u) << "what is held is lost to the other warp";
  }
  const double share = static_cast<double>(gives_way) / static_cast<double>(places.size());
  EXPECT_NEAR(share, 1.0 / kFfmaPerTurn, 0.05);
  EXPECT_GT(2 * holds, places.size());
}

TEST_F(YieldSchedule, AnOperandIsHeldWhereTheNextReadsItInTheSamePlace) {
  for (const std::size_t at : ffma_in_rows_of(image_, 24)) {
    for (const int operand : {0, 1}) {
      if ((word(image_, at + 8) >> (58 + operand) & 1) == 0) continue;
      ASSERT_EQ(word(image_, at + 16) & 0xffff, 0x7223u);
      const int bit = 24 + 8 * operand;
      const std::uint64_t name = word(image_, at) >> bit & 0xff;
      EXPECT_EQ(word(image_, at + 16) >> bit & 0xff, name);
      EXPECT_NE(word(image_, at) >> 16 & 0xff, name) << "it is written in between";
    }
  }
}

TEST_F(YieldSchedule, OnlyHintsChange) {
  const std::vector<char> scheduled = image_;
  for (const std::size_t at : ffma_in_rows_of(image_, 24)) {
    set_word(image_, at + 8, word(image_, at + 8) ^ kStay);
  }
  ASSERT_NE(image_, scheduled);
  EXPECT_GE(schedule_yields(image_, kConfig), 128);
  EXPECT_EQ(image_, scheduled);
}

TEST_F(YieldSchedule, NarrowTilesAndASingleWarpgroupStayAsTheyAre) {
  for (const std::size_t at : ffma_in_rows_of(image_, 24)) {
    set_word(image_, at + 8, word(image_, at + 8) ^ kStay);
  }
  const std::vector<char> before = image_;
  for (const char* text : {"block_m=256,block_n=120", "block_m=64,block_n=128,math_warpgroups=1"}) {
    EXPECT_EQ(schedule_yields(image_, parse_config(text)), 0) << text;
    EXPECT_EQ(image_, before) << text;
  }
}

TEST_F(YieldSchedule, WhatIsNoCubinStaysAsItIs) {
  std::vector<char> empty;
  EXPECT_EQ(schedule_yields(empty, kConfig), 0);
  for (const std::size_t size : {3u, 63u, 64u, 1000u}) {
    std::vector<char> torn(image_.begin(), image_.begin() + static_cast<std::ptrdiff_t>(size));
    const std::vector<char> before = torn;
    EXPECT_EQ(schedule_yields(torn, kConfig), 0) << size;
    EXPECT_EQ(torn, before) << size;
  }
  // A table of sections that lies outside; another machine's code.
  for (const std::size_t at : {0x28u, 0x12u}) {
    std::vector<char> broken = image_;
    broken[at + 1] = static_cast<char>(0x7f);
    const std::vector<char> before = broken;
    EXPECT_EQ(schedule_yields(broken, kConfig), 0) << at;
    EXPECT_EQ(broken, before) << at;
  }
}

}  // namespace
}  // namespace deepgemm::core
