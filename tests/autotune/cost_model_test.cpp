#include "autotune/cost_model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/autotune/shapes.h"

namespace deepgemm::autotune {
namespace {

Prediction predict(const core::GemmProblem& problem, std::string_view config,
                   const core::DeviceInfo& device = h100()) {
  return CostModel(device).predict(problem, core::parse_config(config));
}

constexpr const char* kTile = "block_m=128,block_n=128,stages=5,cluster_m=2";

TEST(CostModel, MoreOfAnyExtentNeverGetsFaster) {
  const core::GemmProblem small = shape(512, 4096, 2048);
  const double base = predict(small, kTile).total_us;
  EXPECT_GT(predict(shape(4096, 4096, 2048), kTile).total_us, base);
  EXPECT_GT(predict(shape(512, 32768, 2048), kTile).total_us, base);
  EXPECT_GT(predict(shape(512, 4096, 16384), kTile).total_us, base);
  double last = 0;
  for (std::int64_t m = 1; m <= 8192; m *= 2) {
    const double now = predict(shape(m, 4096, 7168), kTile).total_us;
    EXPECT_GE(now, last) << "m = " << m;
    last = now;
  }
}

TEST(CostModel, PartsExplainTheTotal) {
  for (const char* config : {kTile, "block_m=64,block_n=16,stages=12,math_warpgroups=1"}) {
    const Prediction p = predict(shape(300, 2112, 7168), config);
    EXPECT_GE(p.total_us, p.launch_us + p.memory_us);
    EXPECT_GE(p.total_us, p.launch_us + p.l2_us);
    EXPECT_GE(p.total_us, p.launch_us + p.math_us + p.epilogue_us);
    EXPECT_LE(p.total_us, p.launch_us + p.memory_us + p.l2_us + p.math_us + p.epilogue_us);
  }
}

TEST(CostModel, CountsTilesBlocksAndWaves) {
  const Prediction p = predict(shape(4096, 7168, 7168), "block_m=128,block_n=128,stages=5");
  EXPECT_EQ(p.tiles, 32 * 56);
  EXPECT_EQ(p.blocks, 132);
  EXPECT_EQ(p.waves, 14);
  EXPECT_DOUBLE_EQ(p.occupancy, 32.0 * 56 / (14 * 132));
  const Prediction one = predict(shape(1, 8, 16), "block_m=64,block_n=8,math_warpgroups=1");
  EXPECT_EQ(one.tiles, 1);
  EXPECT_EQ(one.blocks, 1);
  EXPECT_EQ(one.waves, 1);
}

TEST(CostModel, AWaveMoreCostsMath) {
  // 132 tiles of 128 columns, then one more.
  const double full = predict(shape(128, 132 * 128, 7168), "stages=5,raster_group=1").math_us;
  const double over = predict(shape(128, 133 * 128, 7168), "stages=5,raster_group=1").math_us;
  EXPECT_DOUBLE_EQ(over, 2 * full);
}

TEST(CostModel, StagesHideLatencyOnSkinnyShapes) {
  const core::GemmProblem skinny = shape(64, 2112, 7168);
  const auto with = [&](int stages) {
    return predict(skinny,
                   "block_m=64,block_n=16,math_warpgroups=1,stages=" + std::to_string(stages))
        .total_us;
  };
  EXPECT_GT(with(2), with(4));
  EXPECT_GT(with(4), with(12));
}

TEST(CostModel, ASecondAccumulatorSetHelpsOneWarpgroup) {
  const core::GemmProblem skinny = shape(64, 4096, 7168);
  const std::string tile = "block_m=64,block_n=32,math_warpgroups=1,stages=12,accumulator_sets=";
  EXPECT_LT(predict(skinny, tile + "2").math_us, predict(skinny, tile + "1").math_us);
}

TEST(CostModel, SlicesOfKHelpWhereTilesAreFewAndCostTheirMeeting) {
  const core::GemmProblem skinny = shape(64, 576, 7168);
  const std::string tile = "block_m=64,block_n=32,math_warpgroups=1,stages=12,split_k=";
  EXPECT_LT(predict(skinny, tile + "4").total_us, predict(skinny, tile + "1").total_us);
  EXPECT_GT(predict(skinny, tile + "4").epilogue_us, predict(skinny, tile + "1").epilogue_us);
}

TEST(CostModel, MulticastSavesL2Traffic) {
  const core::GemmProblem large = shape(4096, 7168, 7168);
  EXPECT_LT(predict(large, "stages=5,cluster_m=2").l2_us, predict(large, "stages=5").l2_us);
  EXPECT_LT(predict(large, "stages=5,cluster_m=2,cluster_n=2").l2_us,
            predict(large, "stages=5,cluster_m=2").l2_us);
}

TEST(CostModel, OperandsThatMakeRoomFirstSpareWritingBackWhatLiesInL2) {
  const core::GemmProblem decode = shape(64, 7168, 16384);
  const std::string tile = "block_m=64,block_n=64,math_warpgroups=1,stages=9,l2_policy=";
  EXPECT_LT(predict(decode, tile + "2").memory_us, predict(decode, tile + "1").memory_us);
}

TEST(CostModel, AFirstWaveThatSpansManyColumnsWaitsForMemory) {
  const core::GemmProblem problem = shape(1024, 8192, 2048);
  // Low tiles: a column of them costs as many bytes as of high ones, and is multiplied sooner.
  const std::string tile = "block_m=64,math_warpgroups=1,stages=8,cluster_m=2,raster_group=";
  EXPECT_GT(predict(problem, tile + "1").total_us, predict(problem, tile + "8").total_us);
}

// Measured: 157 us with a raster group of 1, 130 with 8; without a large D both take 92.
TEST(CostModel, RowsOfTilesWalkedTogetherReadBAgainBeforeDHasPushedItOut) {
  const std::string tile =
      "block_m=256,math_warpgroups=2,stages=3,cluster_m=2,operation=1,raster_group=";
  const core::GemmProblem wide = shape(4096, 32768, 512);
  EXPECT_GT(predict(wide, tile + "1").memory_us, 1.05 * predict(wide, tile + "8").memory_us);
  const core::GemmProblem small = shape(4096, 7168, 2048);
  EXPECT_EQ(predict(small, tile + "1").memory_us, predict(small, tile + "8").memory_us);
}

// Measured: 32 masked groups of 230x4096x7168 in 128x192 pairs 540 us with a raster group of 1, 434
// with 4 on another card; 256x128 pairs 403 us, and 429 where A and B leave L2 first.
TEST(CostModel, OperandsOfManyGroupsAreReadTogetherOrLate) {
  const core::GemmProblem groups{
      .operation = core::Operation::kGroupedMasked, .m = 230, .n = 4096, .k = 7168, .groups = 32};
  const std::string two_rows = "block_n=192,stages=4,cluster_n=2,operation=3,raster_group=";
  EXPECT_GT(predict(groups, two_rows + "1").total_us,
            1.05 * predict(groups, two_rows + "2").total_us);
  const std::string one_row =
      "block_m=256,stages=4,cluster_n=2,raster_group=1,operation=3,l2_policy=";
  EXPECT_GT(predict(groups, one_row + "2").total_us, predict(groups, one_row + "1").total_us);
}

// A group's last tile of 256 rows is multiplied in half the time where it has 128 or fewer.
TEST(CostModel, WarpgroupsShareWhatRowsAGroupHasLeft) {
  const core::GemmProblem groups{
      .operation = core::Operation::kGroupedMasked, .m = 200, .n = 7168, .k = 2048, .groups = 2};
  const core::GemmConfig tile =
      core::parse_config("block_m=256,stages=3,raster_group=1,operation=3");
  const Prediction half = CostModel(h100(), {100, 128}).predict(groups, tile);
  const Prediction whole = CostModel(h100(), {200, 129}).predict(groups, tile);
  EXPECT_DOUBLE_EQ(whole.math_us, 2 * half.math_us);
}

TEST(CostModel, FasterMemoryHelpsWhatMemoryBinds) {
  const core::DeviceInfo& h200 = *core::find_device_profile("h200-sxm5");
  const core::GemmProblem decode = shape(64, 7168, 16384);
  const std::string tile = "block_m=64,block_n=64,math_warpgroups=1,stages=9";
  EXPECT_LT(predict(decode, tile, h200).total_us, 0.85 * predict(decode, tile).total_us);
  const core::GemmProblem prefill = shape(4096, 7168, 16384);
  EXPECT_NEAR(predict(prefill, kTile, h200).total_us / predict(prefill, kTile).total_us, 1, 0.03);
}

TEST(CostModel, LessArithmeticCostsLargeShapes) {
  const core::DeviceInfo& h20 = *core::find_device_profile("h20");
  const core::GemmProblem prefill = shape(4096, 7168, 16384);
  EXPECT_GT(predict(prefill, kTile, h20).total_us, 3 * predict(prefill, kTile).total_us);
}

TEST(CostModel, LargestShapesStayFinite) {
  const Prediction p = predict(shape(core::kMaxExtent, core::kMaxExtent, core::kMaxExtent),
                               "block_m=64,block_n=8,math_warpgroups=1");
  EXPECT_TRUE(std::isfinite(p.total_us));
  EXPECT_EQ(p.tiles, std::numeric_limits<int>::max());
  EXPECT_GT(p.occupancy, 0);
  EXPECT_LE(p.occupancy, 1);
}

// The best of a ranking in steps of 16 columns and with one raster group, which is enough to see
// magnitudes.
RankedCandidate best(const core::GemmProblem& problem) {
  SearchSpace space = SearchSpace::dense();
  std::vector<int> widths;
  for (int width = 16; width <= 256; width += 16) widths.push_back(width);
  space.fix("block_n", widths);
  space.fix("raster_group", {8});
  return make_plan(problem, space, h100()).ranked.front();
}

// What the best public kernels take (h100, microseconds).
struct Peer {
  core::GemmProblem problem;
  double fastest_us;
};

TEST(CostModel, PredictsTheMagnitudeOfMeasuredKernels) {
  const Peer peers[] = {
      {shape(64, 2112, 7168), 11.06},   {shape(64, 576, 7168), 8.62},
      {shape(128, 7168, 16384), 52.7},  {shape(512, 4096, 7168), 27.5},
      {shape(1024, 7168, 2048), 24.8},  {shape(4096, 24576, 1536), 229.5},
      {shape(4096, 32768, 512), 131.3}, {shape(4096, 7168, 16384), 622.6},
  };
  for (const Peer& peer : peers) {
    const double ratio = best(peer.problem).prediction.total_us / peer.fastest_us;
    EXPECT_GT(ratio, 0.7) << core::to_string(peer.problem);
    EXPECT_LT(ratio, 1.4) << core::to_string(peer.problem);
  }
}

TEST(CostModel, RanksSensiblyAtBothEnds) {
  const RankedCandidate large = best(shape(4096, 7168, 16384));
  EXPECT_GE(large.config.math_warpgroups, 2);
  EXPECT_GE(large.config.block_m, 128);
  EXPECT_GE(large.config.block_n, 96);
  const RankedCandidate skinny = best(shape(64, 4096, 7168));
  EXPECT_EQ(skinny.config.block_m, 64);
  EXPECT_EQ(skinny.prediction.waves, 1);
  EXPECT_GE(skinny.prediction.blocks, 100);
}

}  // namespace
}  // namespace deepgemm::autotune
