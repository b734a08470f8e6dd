#include "kernels/config.h"

#include <gtest/gtest.h>

namespace deepgemm::kernels {
namespace {

// shared_bytes() serves configs known at run time, sizeof(SharedStorage) the kernel.
template <GemmConfig C>
void expect_same_size() {
  EXPECT_EQ(shared_bytes(C), static_cast<long long>(sizeof(SharedStorage<C>)));
}

TEST(SharedStorage, HasTheSizeThatTheFormulaSays) {
  expect_same_size<GemmConfig{}>();
  expect_same_size<GemmConfig{.block_m = 64, .block_n = 8, .stages = 1, .math_warpgroups = 1}>();
  expect_same_size<GemmConfig{.block_m = 64, .block_n = 24, .stages = 13, .math_warpgroups = 1}>();
  expect_same_size<GemmConfig{.block_m = 192, .block_n = 104, .stages = 3, .math_warpgroups = 3}>();
  expect_same_size<GemmConfig{.block_m = 256, .block_n = 112, .stages = 3}>();
  expect_same_size<GemmConfig{.block_m = 64, .block_n = 256, .stages = 2, .math_warpgroups = 1}>();
  expect_same_size<GemmConfig{.block_m = 64, .block_n = 24, .math_warpgroups = 1, .split_k = 4}>();
  expect_same_size<GemmConfig{.block_m = 256, .stages = 4}>();
  expect_same_size<GemmConfig{.block_n = 192, .stages = 5}>();
}

TEST(ScaleBlocks, CountsTheWorstStraddle) {
  const auto blocks = [](int block_n) {
    return scale_blocks_per_tile(GemmConfig{.block_n = block_n});
  };
  // Every start that a tile can have, against the formula.
  for (int block_n = 8; block_n <= 256; block_n += 8) {
    int most = 0;
    for (int start = 0; start < 128 * block_n; start += block_n) {
      most = std::max(most, (start + block_n - 1) / 128 - start / 128 + 1);
    }
    EXPECT_EQ(blocks(block_n), most) << block_n;
  }
}

TEST(StoreBox, DividesTheTile) {
  for (int block_n = 8; block_n <= 256; block_n += 8) {
    EXPECT_EQ(block_n % store_box_n(GemmConfig{.block_n = block_n}), 0);
  }
}

TEST(StoreBoxes, TakeWhatTheStagesLeave) {
  const GemmConfig whole{.block_m = 256, .stages = 3};
  EXPECT_EQ(store_boxes(whole), 4) << "two slabs of two boxes";
  EXPECT_EQ(boxes_per_store(whole), 2);
  EXPECT_EQ(store_places(whole), 2);
  const GemmConfig half{.block_m = 256, .stages = 4};
  EXPECT_EQ(store_boxes(half), 1);
  EXPECT_EQ(store_places(half), 1);
  const GemmConfig third{.block_n = 192, .stages = 5};
  EXPECT_EQ(boxes_per_store(third), 1);
  EXPECT_LE(shared_bytes(third), kSharedLimit);
  EXPECT_EQ(store_boxes(GemmConfig{.block_n = 192, .stages = 4}), 3);
}

TEST(StoreBoxes, GoEvenlyIntoASlab) {
  for (int block_n = 8; block_n <= 256; block_n += 8) {
    for (int stages = 2; stages <= 16; ++stages) {
      const GemmConfig config{.block_n = block_n, .stages = stages};
      EXPECT_EQ(boxes_per_slab(config) % boxes_per_store(config), 0);
      EXPECT_LE(store_places(config) * boxes_per_store(config), store_boxes(config));
      EXPECT_GE(store_places(config), 1);
    }
  }
}

TEST(RegisterBudget, FitsTheRegisterFile) {
  for (int warpgroups = 2; warpgroups <= 3; ++warpgroups) {
    const RegisterBudget budget = register_budget(GemmConfig{.math_warpgroups = warpgroups});
    EXPECT_LE(128 * (budget.producer + warpgroups * budget.math), 65536);
    EXPECT_EQ(budget.producer % 8, 0);
    EXPECT_EQ(budget.math % 8, 0);
  }
}

TEST(ClusterTiles, CoverTheProblem) {
  const GemmConfig config{.block_m = 128, .block_n = 112, .cluster_m = 2, .cluster_n = 1};
  EXPECT_EQ(cluster_tiles(config, 1, 8).m, 1);
  EXPECT_EQ(cluster_tiles(config, 257, 113).m, 2);
  EXPECT_EQ(cluster_tiles(config, 257, 113).n, 2);
}

}  // namespace
}  // namespace deepgemm::kernels
