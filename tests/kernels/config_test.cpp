#include "kernels/config.h"

#include <gtest/gtest.h>

#include <vector>

namespace deepgemm::kernels {
namespace {

// shared_bytes() serves configs known at run time, sizeof(SharedStorage) the kernel.
template <GemmConfig C>
void expect_same_size() {
  EXPECT_EQ(storage_bytes(C), static_cast<long long>(sizeof(SharedStorage<C>)));
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
  expect_same_size<GemmConfig{.block_m = 256, .stages = 4, .operation = kGroupedMasked}>();
}

TEST(SharedStorage, LeavesRoomForTheGroupTable) {
  for (int stages = 2; stages <= 4; ++stages) {
    const GemmConfig dense{.block_m = 256, .stages = stages};
    GemmConfig grouped = dense;
    grouped.operation = kGroupedContiguous;
    EXPECT_EQ(shared_bytes(dense), storage_bytes(dense));
    EXPECT_EQ(shared_bytes(grouped),
              storage_bytes(grouped) + static_cast<long long>(sizeof(GroupTable)));
    EXPECT_LE(shared_bytes(grouped), kSharedLimit);
  }
}

TEST(Segments, AreTheBinaryDigitsOfTheWidth) {
  const auto widths = [](int block_n) {
    const GemmConfig config{.block_n = block_n};
    std::vector<int> list;
    for (int i = 0; i < segments(config); ++i) list.push_back(segment_width(config, i));
    return list;
  };
  EXPECT_EQ(widths(8), std::vector<int>({8}));
  EXPECT_EQ(widths(96), std::vector<int>({64, 32}));
  EXPECT_EQ(widths(128), std::vector<int>({128}));
  EXPECT_EQ(widths(144), std::vector<int>({128, 16}));
  EXPECT_EQ(widths(248), std::vector<int>({128, 64, 32, 16, 8}));
  EXPECT_EQ(widths(256), std::vector<int>({128, 128}));
}

TEST(Segments, FollowEachOtherWithinTheTile) {
  for (int block_n = 8; block_n <= 256; block_n += 8) {
    const GemmConfig config{.block_n = block_n};
    ASSERT_LE(segments(config), kMostSegments);
    int column = 0;
    for (int i = 0; i < segments(config); ++i) {
      EXPECT_EQ(segment_begin(config, i), column) << block_n;
      for (const int end = column + segment_width(config, i); column < end; column += 8) {
        EXPECT_EQ(segment_of(config, column), i) << block_n << ", column " << column;
      }
    }
    EXPECT_EQ(column, block_n);
  }
}

// As the kernel lays tiles out along n.
TEST(Segments, CoverEachColumnOnceAndStraddleNoScaleBlock) {
  for (int block_n = 8; block_n <= 256; block_n += 8) {
    const GemmConfig config{.block_n = block_n};
    for (int tiles = 1; tiles <= 19; ++tiles) {
      std::vector<int> covered(static_cast<std::size_t>(tiles) * block_n);
      for (int tile = 0; tile < tiles; ++tile) {
        for (int i = 0; i < segments(config); ++i) {
          const int begin = segment_column(config, i, tile, tiles);
          const int width = segment_width(config, i);
          EXPECT_EQ(begin / kScaleBlock, (begin + width - 1) / kScaleBlock) << block_n;
          for (int column = begin; column < begin + width; ++column) {
            ++covered.at(static_cast<std::size_t>(column));
          }
        }
      }
      EXPECT_EQ(covered, std::vector<int>(covered.size(), 1)) << block_n << ", " << tiles;
    }
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

TEST(LoadedBytes, AreThoseOfTheRowsThatAreThere) {
  constexpr GemmConfig c{.block_m = 128, .block_n = 64};
  // 128 scales lie in five lines of 128 bytes, wherever the first one lies; 8 may lie in two.
  static_assert(loads_scale_lines(c));
  static_assert(loaded_bytes(c, 128) == (128 + 64) * 128 + 5 * 128);
  static_assert(loaded_bytes(c, 128) == stage_bytes(c));
  static_assert(loaded_bytes(c, 1000) == stage_bytes(c));
  static_assert(loaded_rows(c, 5) == 5);
  static_assert(loaded_bytes(c, 5) == (5 + 64) * 128 + 2 * 128);
  // A large tile's come in a box of their own.
  constexpr GemmConfig large{.block_m = 128, .block_n = 192};
  static_assert(!loads_scale_lines(large));
  static_assert(loaded_bytes(large, 1000) == stage_bytes(large));
  static_assert(loaded_bytes(large, 5) == (5 + 192) * 128 + 8 * 4);
  // Each block of the cluster fetches a part of the tile's rows for all: the parts stay equal.
  constexpr GemmConfig shared{.block_m = 128, .block_n = 64, .cluster_n = 2};
  static_assert(loaded_rows(shared, 5) == 128);
}

TEST(SplitK, SharesCoverTheTileOnce) {
  for (const int block_n : {8, 24, 72, 128, 136}) {
    for (const int split_k : {2, 3, 4, 6, 8}) {
      const GemmConfig c{.block_n = block_n, .split_k = split_k};
      EXPECT_EQ(share_begin(c, 0), 0);
      EXPECT_EQ(share_begin(c, split_k), block_n / 8);
      for (int slice = 0; slice < split_k; ++slice) {
        const int groups = share_begin(c, slice + 1) - share_begin(c, slice);
        EXPECT_GE(groups, 0);
        EXPECT_LE(groups, share_most(c)) << block_n << " / " << split_k;
      }
    }
  }
}

}  // namespace
}  // namespace deepgemm::kernels
