// The ceilings that times are held against.
#include "autotune/ceilings.h"

#include "autotune/race.h"
#include "tests/gpu/gpu_fixture.h"

namespace deepgemm::gpu_test {
namespace {

class CeilingsTest : public GpuTest {
 protected:
  std::atomic<bool> stop_{false};
};

TEST_F(CeilingsTest, TheFloorIsNeitherTooHighNorTooLow) {
  // The shape whose kernels come closest to the floor.
  const auto shape = problem(128, 32768, 512);
  const auto bench = Gpu::executor()->prepare(shape, {});
  const core::Cubin cubin = build("block_m=128,block_n=128,stages=5,raster_group=1");
  const auto kernel = bench->admit(core::Contender::kCandidate, &cubin);
  const auto floor = bench->admit(core::Contender::kMemoryFloor, nullptr);
  ASSERT_TRUE(kernel.failure.empty() && floor.failure.empty()) << kernel.failure << floor.failure;
  autotune::Race race(*bench, stop_);
  const auto ours = race.enter(kernel.id);
  const auto theirs = race.enter(floor.id);
  race.run(15);
  const double floor_us = race.measurement(theirs).median_us;
  EXPECT_LT(floor_us, race.measurement(ours).median_us * 1.03);
  // No Hopper GPU's memory is faster than this.
  constexpr double kGigabytesPerSecond = 5000;
  EXPECT_GT(floor_us, static_cast<double>(core::bytes_moved(shape)) / kGigabytesPerSecond * 1e-3);
}

TEST_F(CeilingsTest, TheRateIsBelowTheDatasheets) {
  const double rate = autotune::measure_tensor_rate(*Gpu::executor(), 5, stop_);
  EXPECT_LT(rate, 1979);
  EXPECT_GT(rate, 100);
}

}  // namespace
}  // namespace deepgemm::gpu_test
