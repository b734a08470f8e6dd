#include "core/default_config.h"

#include <gtest/gtest.h>

namespace deepgemm::core {
namespace {

GemmProblem shape(std::int64_t m, std::int64_t n, std::int64_t k) {
  GemmProblem problem;
  problem.m = m;
  problem.n = n;
  problem.k = k;
  return problem;
}

TEST(DefaultConfig, IsLegalForEveryShapeAndDevice) {
  for (const DeviceInfo& device : device_profiles()) {
    for (const std::int64_t m : {1L, 2L, 63L, 64L, 65L, 129L, 512L, 4096L, 100003L, kMaxExtent}) {
      for (const std::int64_t n : {8L, 16L, 136L, 576L, 2112L, 7168L, 129280L, kMaxExtent}) {
        for (const std::int64_t k : {16L, 128L, 144L, 7168L, kMaxExtent}) {
          const GemmProblem problem = shape(m, n, k);
          const GemmConfig config = default_config(problem, device);
          ASSERT_EQ(why_illegal(config, device.shared_bytes_per_block), std::nullopt)
              << to_string(problem) << " " << to_string(config);
          // Wider tiles may spill, and a default that does not compile is none.
          ASSERT_LE(kernels::accumulator_registers(config), 192)
              << to_string(problem) << " " << to_string(config);
        }
      }
    }
  }
}

GemmProblem grouped(Operation operation, int groups, std::int64_t m, std::int64_t n,
                    std::int64_t k) {
  return {.operation = operation,
          .m = m,
          .n = n,
          .k = k,
          .groups = groups,
          .alignment = usual_alignment(operation)};
}

TEST(DefaultConfig, IsLegalForEveryGroupedShape) {
  const DeviceInfo& device = *find_device_profile("h100-sxm5");
  for (const Operation operation : {Operation::kGroupedContiguous, Operation::kGroupedMasked}) {
    for (const int groups : {1, 2, 7, 32, 512}) {
      for (const std::int64_t m : {1L, 20L, 64L, 256L, 8192L}) {
        for (const std::int64_t n : {8L, 576L, 4096L}) {
          const GemmProblem problem = grouped(operation, groups, m, n, 7168);
          const GemmConfig config = default_config(problem, device);
          ASSERT_EQ(why_illegal(config, device.shared_bytes_per_block), std::nullopt)
              << to_string(problem) << " " << to_string(config);
          ASSERT_EQ(config.operation, kernel_operation(operation));
        }
      }
    }
  }
}

TEST(DefaultConfig, GroupsOfFewRowsGetLowTiles) {
  const DeviceInfo& device = *find_device_profile("h100-sxm5");
  const GemmConfig config =
      default_config(grouped(Operation::kGroupedMasked, 32, 24, 4096, 7168), device);
  EXPECT_EQ(config.block_m, 64);
  EXPECT_EQ(config.split_k, 1) << "there are tiles enough in all groups";
  EXPECT_EQ(config.cluster_m, 1) << "a group has one tile along m";
}

// A tile of 256 rows would compute 512 rows for each group of more than 256, which is half of them.
TEST(DefaultConfig, GroupsLoseLittleBeyondTheirEdges) {
  const DeviceInfo& device = *find_device_profile("h100-sxm5");
  const GemmConfig config =
      default_config(grouped(Operation::kGroupedContiguous, 32, 256, 4096, 7168), device);
  EXPECT_EQ(config.block_m, 128);
  EXPECT_EQ(config.block_n, 192);
}

TEST(DefaultConfig, TwoSlabsInTurnHaveFewSegments) {
  const DeviceInfo& device = *find_device_profile("h100-sxm5");
  const GemmConfig config = default_config(shape(512, 7168, 2048), device);
  EXPECT_EQ(config.block_m, 256);
  EXPECT_EQ(config.block_n, 128) << "112 would fill the wave better, and is slower";
}

TEST(DefaultConfig, LargeGroupsShareInPairs) {
  const DeviceInfo& device = *find_device_profile("h100-sxm5");
  EXPECT_EQ(
      default_config(grouped(Operation::kGroupedContiguous, 4, 8192, 4096, 7168), device).cluster_m,
      2);
}

TEST(DefaultConfig, TheFallbackIsOfItsOperation) {
  for (const Operation operation :
       {Operation::kDense, Operation::kGroupedContiguous, Operation::kGroupedMasked}) {
    EXPECT_EQ(fallback_config(operation).operation, kernel_operation(operation));
    EXPECT_EQ(why_illegal(fallback_config(operation)), std::nullopt);
  }
}

TEST(DefaultConfig, SkinnyShapesSpreadOverTheSms) {
  const GemmConfig config =
      default_config(shape(64, 2112, 7168), *find_device_profile("h100-sxm5"));
  EXPECT_EQ(config.block_m, 64);
  EXPECT_EQ(config.block_n, 16) << "132 tiles of 16 columns for 132 SMs";
}

TEST(DefaultConfig, FewTilesSplitK) {
  const DeviceInfo& device = *find_device_profile("h100-sxm5");
  const GemmConfig config = default_config(shape(64, 576, 7168), device);
  EXPECT_EQ(config.block_n, 32);
  EXPECT_EQ(config.split_k, 4);
  EXPECT_EQ(default_config(shape(256, 576, 7168), device).split_k, 3)
      << "36 tiles; clusters of 4 would not run all at once";
  EXPECT_EQ(default_config(shape(64, 576, 512), device).split_k, 1) << "k is short";
  EXPECT_EQ(default_config(shape(64, 2112, 7168), device).split_k, 1) << "enough tiles";
}

TEST(DefaultConfig, WeightsThatAreReadOnceMakeRoomFirst) {
  const DeviceInfo& device = *find_device_profile("h100-sxm5");
  const auto policy = [&](const GemmProblem& problem) {
    return default_config(problem, device).l2_policy;
  };
  EXPECT_EQ(policy(shape(1, 7168, 16384)), kernels::kEvictOperands);
  EXPECT_EQ(policy(shape(512, 4096, 7168)), kernels::kEvictOperands);
  EXPECT_EQ(policy(shape(512, 32768, 512)), kernels::kEvictInTurn) << "D is the larger part";
  EXPECT_EQ(policy(shape(8192, 7168, 32768)), kernels::kEvictInTurn) << "B is read again";
  EXPECT_EQ(policy(grouped(Operation::kGroupedMasked, 6, 24, 4096, 7168)), kernels::kEvictOperands);
  EXPECT_EQ(policy(grouped(Operation::kGroupedMasked, 32, 24, 4096, 7168)), kernels::kEvictInTurn)
      << "much streams through, and A needs its place";
  EXPECT_EQ(policy(grouped(Operation::kGroupedContiguous, 16, 512, 4096, 7168)),
            kernels::kEvictInTurn)
      << "several tiles read a group's B";
}

TEST(DefaultConfig, LargeShapesTakeLargeTilesInPairs) {
  const GemmConfig config =
      default_config(shape(4096, 7168, 16384), *find_device_profile("h100-sxm5"));
  EXPECT_EQ(config.block_m, 256);
  EXPECT_EQ(config.block_n, 128);
  EXPECT_EQ(config.cluster_m, 2);
}

TEST(DefaultConfig, StagesFillTheSharedMemory) {
  const DeviceInfo& device = *find_device_profile("h100-sxm5");
  GemmConfig config = default_config(shape(512, 4096, 7168), device);
  EXPECT_EQ(config.stages, 6) << "one tile a block: its way out may be narrow";
  ++config.stages;
  EXPECT_EQ(broken_limit(config, device.shared_bytes_per_block), Limit::kSharedMemory);
}

TEST(DefaultConfig, BlocksWithSeveralTilesKeepRoomToStoreThem) {
  const GemmConfig config =
      default_config(shape(4096, 7168, 16384), *find_device_profile("h100-sxm5"));
  EXPECT_EQ(config.stages, 3);
  EXPECT_EQ(kernels::store_boxes(config), 4) << "all of the tile";
}

TEST(DefaultConfig, PromotionIsHiddenWhereRegistersAllow) {
  const DeviceInfo& device = *find_device_profile("h100-sxm5");
  EXPECT_EQ(default_config(shape(512, 4096, 7168), device).accumulator_sets, 2);
  EXPECT_EQ(default_config(shape(4096, 7168, 16384), device).accumulator_sets, 1);
}

TEST(FallbackConfig, IsLegalAndNeedsNoCluster) {
  const GemmConfig config = fallback_config(Operation::kDense);
  EXPECT_EQ(why_illegal(config), std::nullopt);
  EXPECT_EQ(kernels::cluster_size(config), 1);
}

TEST(DefaultConfig, IsAFunctionOfShapeAndDevice) {
  const DeviceInfo& h100 = *find_device_profile("h100-sxm5");
  const DeviceInfo& h20 = *find_device_profile("h20");
  EXPECT_EQ(default_config(shape(64, 2112, 7168), h100),
            default_config(shape(64, 2112, 7168), h100));
  EXPECT_NE(default_config(shape(64, 2112, 7168), h100),
            default_config(shape(64, 2112, 7168), h20));
}

}  // namespace
}  // namespace deepgemm::core
