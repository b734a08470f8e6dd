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

}  // namespace
}  // namespace deepgemm::gpu_test
