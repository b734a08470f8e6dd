// Numbers of the dense kernel against cuBLASLt, the plain kernel and float64.
#include <vector>

#include "tests/gpu/gpu_fixture.h"

namespace deepgemm::gpu_test {
namespace {

// Configs that span the space: every width of store box, straddling and aligned tiles, one and
// two accumulator sets and slabs, one to three math warpgroups, clusters along m, n and both,
// slices of k (more of them than k-blocks on the smallest shapes), room for all of a tile of D on
// its way out and for a part of it.
const std::vector<std::string>& configs() {
  static const std::vector<std::string> list{
      "block_m=64,block_n=8,stages=4,math_warpgroups=1",
      "block_m=64,block_n=24,stages=8,math_warpgroups=1,accumulator_sets=2",
      "block_m=64,block_n=64,stages=10,math_warpgroups=1,accumulator_sets=2,cluster_n=2",
      "block_m=64,block_n=192,stages=4,math_warpgroups=1,raster_group=1",
      "block_m=128,block_n=80,stages=6,math_warpgroups=1",
      "block_m=128,block_n=128,stages=5,cluster_m=2,accumulator_sets=2",
      "block_m=128,block_n=112,stages=5,cluster_m=2,cluster_n=2,raster_group=4",
      "block_m=128,block_n=176,stages=4,cluster_n=2",
      "block_m=256,block_n=96,stages=4,cluster_m=2",
      "block_m=128,block_n=192,stages=5",
      "block_m=192,block_n=104,stages=4,math_warpgroups=3,cluster_m=1",
      "block_m=128,block_n=32,stages=2,cluster_m=4",
      "block_m=64,block_n=24,stages=6,math_warpgroups=1,accumulator_sets=2,split_k=4",
      "block_m=128,block_n=64,stages=4,split_k=8",
      "block_m=256,block_n=64,stages=3,split_k=2",
  };
  return list;
}

class DenseKernelTest : public GpuTest {
 protected:
  // Every config on one problem: right, and equal to the bit to all others.
  static void verify_all(const core::GemmProblem& problem) {
    const auto bench = Gpu::executor()->prepare(problem);
    std::optional<unsigned long long> bits;
    for (const std::string& config : configs()) {
      const core::Cubin cubin = build(config);
      const auto admitted = bench->admit(core::Contender::kCandidate, &cubin);
      ASSERT_GE(admitted.id, 0) << config << ": " << admitted.failure;
      const autotune::Check check = bench->verify(admitted.id);
      EXPECT_EQ(check.outcome, core::Outcome::kMeasured)
          << config << " on " << core::to_string(problem) << " against " << bench->reference()
          << ": " << check.detail;
      if (!bits) bits = check.verification.bits_hash;
      // Slices of k are added in another order; all others sum alike.
      if (cubin.config.split_k == 1) {
        EXPECT_EQ(check.verification.bits_hash, *bits) << config;
      }
      bench->dismiss(admitted.id);
    }
  }
};

TEST_F(DenseKernelTest, AlignedShape) { verify_all(problem(512, 1024, 1024)); }
TEST_F(DenseKernelTest, OneRow) { verify_all(problem(1, 576, 7168)); }
TEST_F(DenseKernelTest, SmallestShape) { verify_all(problem(1, 8, 16)); }
TEST_F(DenseKernelTest, RaggedEverywhere) { verify_all(problem(333, 1000, 2000)); }
TEST_F(DenseKernelTest, PartialLastKBlock) { verify_all(problem(130, 264, 144)); }
TEST_F(DenseKernelTest, OneKBlock) { verify_all(problem(257, 520, 128)); }
TEST_F(DenseKernelTest, MoreKBlocksThanTwoScaleFetches) {
  verify_all(problem(70, 136, 128 * 67 + 16));
}
TEST_F(DenseKernelTest, ManyTilesPerBlock) { verify_all(problem(2050, 7168, 272)); }

// The one config that ever gave other bits on a second run, once in thousands of launches: tiles
// that straddle scale blocks, in pairs of blocks, with k as long as the pipeline is deep.
TEST_F(DenseKernelTest, AThousandLaunchesGiveTheSameBits) {
  const auto bench = Gpu::executor()->prepare(problem(4096, 32768, 512));
  const core::Cubin cubin = build("block_m=256,block_n=80,stages=4,cluster_m=2,raster_group=1");
  const int id = bench->admit(core::Contender::kCandidate, &cubin).id;
  ASSERT_GE(id, 0);
  for (int i = 0; i < 500; ++i) {
    const autotune::Check check = bench->verify(id);
    ASSERT_EQ(check.outcome, core::Outcome::kMeasured) << "after " << 2 * i << ": " << check.detail;
  }
}

TEST_F(DenseKernelTest, TheReferenceIsCublasLtWhereItCan) {
  EXPECT_EQ(Gpu::executor()->prepare(problem(64, 2112, 7168))->reference(), "cublaslt-block");
}

TEST_F(DenseKernelTest, AProblemLargerThanTheGpuIsAUsageError) {
  EXPECT_THROW(Gpu::executor()->prepare(problem(1 << 20, 1 << 20, 128)), core::UsageError);
}

}  // namespace
}  // namespace deepgemm::gpu_test
