// Numbers of the dense kernel against cuBLASLt, the plain kernel and float64.
#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/default_config.h"
#include "tests/gpu/gpu_fixture.h"

namespace deepgemm::gpu_test {
namespace {

// Configs that span the space: every width of store box, tiles of one to four segments, one and
// two accumulator sets and slabs, one to three math warpgroups, clusters along m, n and both,
// room for all of a tile of D on its way out and for a part of it.
const std::vector<std::string> kWholeK{
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
    "block_m=64,block_n=120,stages=5,math_warpgroups=1",
};
// Slices of k, more of them than k-blocks on the smallest shapes.
const std::vector<std::string> kSplitK{
    "block_m=64,block_n=24,stages=6,math_warpgroups=1,accumulator_sets=2,split_k=4",
    "block_m=128,block_n=64,stages=4,split_k=8",
    "block_m=256,block_n=64,stages=3,split_k=2",
    "block_m=128,block_n=64,stages=4,split_k=4",
    "block_m=64,block_n=40,stages=7,math_warpgroups=1,accumulator_sets=2,split_k=8",
    "block_m=64,block_n=96,stages=6,math_warpgroups=1,split_k=2",
    "block_m=64,block_n=96,stages=6,cluster_m=2,math_warpgroups=1,accumulator_sets=2,split_k=2",
    "block_m=128,block_n=64,stages=4,cluster_n=2,split_k=4",
    "block_m=64,block_n=48,stages=5,cluster_m=2,cluster_n=2,math_warpgroups=1,split_k=2",
};

class GemmKernelTest : public GpuTest {
 protected:
  static autotune::Check verify(autotune::Workbench& bench, const core::Cubin& cubin) {
    const auto admitted = bench.admit(core::Contender::kCandidate, &cubin);
    EXPECT_GE(admitted.id, 0) << admitted.failure;
    if (admitted.id < 0) return {};
    autotune::Check check = bench.verify(admitted.id);
    bench.dismiss(admitted.id);
    EXPECT_EQ(check.outcome, core::Outcome::kMeasured)
        << "against " << bench.reference() << ": " << check.detail;
    return check;
  }
};

// A problem that every config must get right. Two tests, because compute-sanitizer's racecheck
// has nothing to report on the first and something to explain on the second (CONTRIBUTING.md).
class DenseShapeTest : public GemmKernelTest,
                       public testing::WithParamInterface<std::array<std::int64_t, 3>> {
 protected:
  static core::GemmProblem shape() { return problem(GetParam()[0], GetParam()[1], GetParam()[2]); }
};

// They sum in one order, so they are equal to the bit.
TEST_P(DenseShapeTest, WholeK) {
  const auto bench = Gpu::executor()->prepare(shape(), {});
  std::optional<unsigned long long> bits;
  // What an export bundle falls back to must run any shape.
  std::vector<std::string> configs(kWholeK.begin(), kWholeK.end());
  configs.push_back(core::to_string(core::fallback_config(core::Operation::kDense)));
  for (const std::string& config : configs) {
    SCOPED_TRACE(config);
    const autotune::Check check = verify(*bench, build(config));
    if (!bits) bits = check.verification.bits_hash;
    EXPECT_EQ(check.verification.bits_hash, *bits);
  }
}

// Those that cut k into equally many slices, too.
TEST_P(DenseShapeTest, SplitK) {
  const auto bench = Gpu::executor()->prepare(shape(), {});
  std::map<int, unsigned long long> bits;  // by split_k
  for (const std::string& config : kSplitK) {
    SCOPED_TRACE(config);
    const core::Cubin cubin = build(config);
    const autotune::Check check = verify(*bench, cubin);
    const auto first = bits.emplace(cubin.config.split_k, check.verification.bits_hash).first;
    EXPECT_EQ(check.verification.bits_hash, first->second);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, DenseShapeTest,
    testing::Values(std::array<std::int64_t, 3>{512, 1024, 1024},  // aligned
                    std::array<std::int64_t, 3>{1, 576, 7168},     // one row
                    std::array<std::int64_t, 3>{1, 8, 16},         // the smallest shape
                    std::array<std::int64_t, 3>{5, 264, 1024},     // fewer rows than a tile
                    std::array<std::int64_t, 3>{333, 1000, 2000},  // ragged everywhere
                    std::array<std::int64_t, 3>{130, 264, 144},    // a partial last k-block
                    std::array<std::int64_t, 3>{257, 520, 128},    // one k-block
                    // more k-blocks than two fetches of scales
                    std::array<std::int64_t, 3>{70, 136, 128 * 67 + 16},
                    // many tiles for each block
                    std::array<std::int64_t, 3>{2050, 7168, 272}),
    [](const auto& info) {
      return fmt::format("{}x{}x{}", info.param[0], info.param[1], info.param[2]);
    });

// The one config that ever gave other bits on a second run, once in thousands of launches: tiles
// of several segments, in pairs of blocks, with k as long as the pipeline is deep.
TEST_F(GemmKernelTest, AThousandLaunchesGiveTheSameBits) {
  const auto bench = Gpu::executor()->prepare(problem(4096, 32768, 512), {});
  const core::Cubin cubin = build("block_m=256,block_n=80,stages=4,cluster_m=2,raster_group=1");
  const int id = bench->admit(core::Contender::kCandidate, &cubin).id;
  ASSERT_GE(id, 0);
  for (int i = 0; i < 500; ++i) {
    const autotune::Check check = bench->verify(id);
    ASSERT_EQ(check.outcome, core::Outcome::kMeasured) << "after " << 2 * i << ": " << check.detail;
  }
}

// NVRTC keeps a cache of its own where a driver is, and what comes from it tells neither registers
// nor spills.
TEST_F(GemmKernelTest, TheCompilerSaysTheSameTheSecondTime) {
  const std::string config = "block_m=64,block_n=56,stages=5,math_warpgroups=1";
  const core::Cubin first = build_anew(config);
  const core::Cubin second = build_anew(config);
  EXPECT_GT(first.build.registers, 24);
  EXPECT_EQ(second.build.registers, first.build.registers);
  EXPECT_EQ(second.image, first.image);
}

TEST_F(GemmKernelTest, TheReferenceIsCublasLtWhereItCan) {
  EXPECT_EQ(Gpu::executor()->prepare(problem(64, 2112, 7168), {})->reference(), "cublaslt-block");
}

TEST_F(GemmKernelTest, AProblemLargerThanTheGpuIsAUsageError) {
  EXPECT_THROW(Gpu::executor()->prepare(problem(1 << 20, 1 << 20, 128), {}), core::UsageError);
}

}  // namespace
}  // namespace deepgemm::gpu_test
