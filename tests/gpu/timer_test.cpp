// The timer against what is known: an empty kernel, and the same kernel twice.
#include <algorithm>
#include <cstdio>

#include "tests/gpu/gpu_fixture.h"

namespace deepgemm::gpu_test {
namespace {

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

using TimerTest = GpuTest;

TEST_F(TimerTest, AnEmptyKernelTakesAMicrosecond) {
  const double us = median(autotune::sample_empty_kernel(*Gpu::executor(), 41));
  RecordProperty("empty_kernel_us", std::to_string(us));
  std::printf("empty kernel: %.2f us\n", us);
  EXPECT_NEAR(us, 1.0, 0.3);
}

TEST_F(TimerTest, OneContenderTwiceInEachRoundReadsTheSame) {
  const auto bench = Gpu::executor()->prepare(problem(512, 4096, 7168), {});
  const core::Cubin cubin = build("block_m=128,block_n=128,stages=5,cluster_m=2");
  const int first = bench->admit(core::Contender::kCandidate, &cubin).id;
  const int second = bench->admit(core::Contender::kCandidate, &cubin).id;
  const std::vector<int> ids{first, second};
  std::vector<double> a;
  std::vector<double> b;
  for (int i = 0; i < 41; ++i) {
    const autotune::Round round = bench->round(ids);
    ASSERT_EQ(round.times_us.size(), 2u);
    a.push_back(round.times_us[0]);
    b.push_back(round.times_us[1]);
  }
  std::printf("the same kernel twice: %.2f and %.2f us\n", median(a), median(b));
  EXPECT_NEAR(median(a) / median(b), 1.0, 0.03);
}

// Its code may still lie in the SMs' instruction caches, or not: 4 % of such a short kernel.
TEST_F(TimerTest, WhoRanBeforeDoesNotCount) {
  const auto bench = Gpu::executor()->prepare(problem(64, 576, 7168), {});
  const core::Cubin cubin = build(
      "block_m=64,block_n=40,stages=7,math_warpgroups=1,accumulator_sets=2,raster_group=1,"
      "split_k=8");
  const core::Cubin large =
      build("block_m=256,block_n=112,stages=4,math_warpgroups=2,raster_group=1");
  const auto admit = [&](const core::Cubin& each) {
    return bench->admit(core::Contender::kCandidate, &each).id;
  };
  const int often = admit(cubin);
  const int seldom = admit(cubin);
  const int others[] = {admit(large), admit(large), admit(large)};
  const std::vector<int> ids{often, often, often, others[0], others[1], others[2], seldom};
  std::vector<double> behind_itself;
  std::vector<double> behind_others;
  for (int i = 0; i < 121; ++i) {
    const autotune::Round round = bench->round(ids);
    ASSERT_EQ(round.times_us.size(), ids.size());
    behind_itself.push_back(round.times_us[2]);
    behind_others.push_back(round.times_us[6]);
  }
  std::printf("behind itself %.2f us, behind others %.2f us\n", median(behind_itself),
              median(behind_others));
  EXPECT_NEAR(median(behind_others) / median(behind_itself), 1.0, 0.015);
}

}  // namespace
}  // namespace deepgemm::gpu_test
