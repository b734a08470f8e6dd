// Which tile a block works on next: one policy for dense products and one for grouped ones.
//
// Producer and math warps each hold one and see the same tiles; the blocks of a cluster move
// together. A policy tells of its current tile:
//   m(), m_end()       first row of A and D, and the row before which D must not be left
//   columns()          columns of D, and rows of B of its group
//   group()            whose B and scales of B are multiplied
//   scale_x(), scale_y()  where A's scales for the tile's rows and k-block 0 lie in their tensor
//   map
// A tile of a grouped product may lie wholly beyond m_end() where the tile space is no multiple of
// the cluster: such a block loads for its peers.
#pragma once

#include "kernels/config.h"
#include "kernels/ptx.cuh"

namespace deepgemm::kernels {

// The columns of a tile, in segments (config.h). The last ones may lie beyond n.
template <GemmConfig C>
struct TileColumns {
  int tile;   // its number along n
  int tiles;  // of all along n

  // Of a cluster's tiles, those beyond the last one become a copy of it.
  __device__ __forceinline__ static TileColumns of(int tile, int n) {
    const int tiles = ceil_div(n, C.block_n);
    return {C.cluster_n > 1 ? min(tile, tiles - 1) : tile, tiles};
  }

  // The first column of D of segment `index`.
  __device__ __forceinline__ int segment(int index) const {
    return segment_column(C, index, tile, tiles);
  }

  // The column of D that the tile's column `column` is.
  __device__ __forceinline__ int at(int column) const {
    const int index = segment_of(C, column);
    return segment(index) + column - segment_begin(C, index);
  }
};

// Position of a tile within tiles_m x tiles_n of them.
struct TilePosition {
  uint32 m;
  uint32 n;
};

// The tile with number `within`, where tiles are walked in groups of raster_group along m: in such
// a group m runs first, so that the blocks at work together share a few tiles of A and of B in L2.
template <GemmConfig C>
__device__ __forceinline__ TilePosition raster(uint32 within, TileCount tiles) {
  const uint32 group_tiles = C.raster_group * tiles.n;
  const uint32 group = within / group_tiles;
  const uint32 in_group = within - group * group_tiles;
  const uint32 first_m = group * C.raster_group;
  const uint32 rows = tiles.m - first_m;
  // All groups but the last have a height that the compiler knows: no second division.
  if (rows >= C.raster_group) {
    return {first_m + in_group % C.raster_group, in_group / C.raster_group};
  }
  const uint32 tile_n = in_group / rows;
  return {first_m + in_group - tile_n * rows, tile_n};
}

// Place of a block within the tiles that its cluster works on. Where one side is 1 there is nothing
// to divide, which the compiler cannot know.
template <GemmConfig C>
__device__ __forceinline__ int rank_m(int cluster_rank) {
  return C.cluster_n == 1 ? cluster_rank : cluster_rank % C.cluster_m;
}
template <GemmConfig C>
__device__ __forceinline__ int rank_n(int cluster_rank) {
  return C.cluster_m == 1 ? cluster_rank : cluster_rank / C.cluster_m;
}

template <GemmConfig C>
__device__ __forceinline__ int clusters_at_work() {
  return static_cast<int>(gridDim.x) / cluster_size(C);
}

// The last row of tiles is moved up so far that it ends with D (m() stays a multiple of 4, for the
// scales), and what lies beyond the last row or column of tiles becomes a copy of it: rows that two
// tiles hold get the same bits from both. Rows outside of A would cost more, because TMA fills them
// with zeros slowly: 25.2 instead of 19.1 us at 448x2112x7168 with 128x64 tiles.
template <GemmConfig C>
class DenseOrder {
 public:
  __device__ __forceinline__ DenseOrder(const GemmArguments& args, const GroupTable&, int cluster,
                                        int cluster_rank)
      : args_(args), tiles_(cluster_tiles(C, args.m, args.n)), tile_(cluster), rank_(cluster_rank) {
    last_m_ = max((args.m - C.block_m + 3) / 4 * 4, 0);
    find();
  }

  __device__ __forceinline__ bool has_tile() const {
    return tile_ < static_cast<uint32>(tiles_.m * tiles_.n);
  }

  __device__ __forceinline__ void advance() {
    tile_ += clusters_at_work<C>();
    if (has_tile()) find();
  }

  __device__ __forceinline__ int m() const { return m_; }
  __device__ __forceinline__ int m_end() const { return args_.m; }
  __device__ __forceinline__ TileColumns<C> columns() const {
    return TileColumns<C>::of(tile_n_, args_.n);
  }
  __device__ __forceinline__ int group() const { return 0; }
  __device__ __forceinline__ int scale_x() const { return m_; }
  __device__ __forceinline__ int scale_y() const { return 0; }

 private:
  __device__ __forceinline__ void find() {
    const TilePosition at = raster<C>(tile_, tiles_);
    m_ = min(static_cast<int>(at.m * C.cluster_m + rank_m<C>(rank_)) * C.block_m, last_m_);
    tile_n_ = static_cast<int>(at.n * C.cluster_n + rank_n<C>(rank_));
  }

  const GemmArguments& args_;
  TileCount tiles_;  // of the whole of D, in cluster tiles
  uint32 tile_;      // number of this cluster's current tile
  int rank_;
  int last_m_;  // of any tile
  int m_ = 0;
  int tile_n_ = 0;
};

// One group after the other. A group's tiles start at its first row, wherever that lies, so no tile
// belongs to two groups.
template <GemmConfig C>
class GroupedOrder {
 public:
  __device__ __forceinline__ GroupedOrder(const GemmArguments& args, const GroupTable& table,
                                          int cluster, int cluster_rank)
      : args_(args), table_(table), tile_(cluster), rank_(cluster_rank) {
    if (!has_tile()) return;
#pragma unroll 1
    for (int step = kMaxGroups / 2; step > 0; step /= 2) {
      if (group_ + step < args.groups && table.first_tile[group_ + step] <= tile_) group_ += step;
    }
    find();
  }

  __device__ __forceinline__ bool has_tile() const {
    return tile_ < table_.first_tile[args_.groups];
  }

  __device__ __forceinline__ void advance() {
    tile_ += clusters_at_work<C>();
    if (has_tile()) find();
  }

  __device__ __forceinline__ int m() const { return m_; }
  __device__ __forceinline__ int m_end() const { return table_.end_row[group_]; }
  __device__ __forceinline__ TileColumns<C> columns() const {
    return TileColumns<C>::of(tile_n_, args_.n);
  }
  __device__ __forceinline__ int group() const { return group_; }
  // Contiguous: one row of scales for each k-block. Masked: so many for each group, one below the
  // other.
  __device__ __forceinline__ int scale_x() const {
    return C.operation == kGroupedMasked ? m_ - group_ * args_.m : m_;
  }
  __device__ __forceinline__ int scale_y() const {
    return C.operation == kGroupedMasked ? group_ * ceil_div(args_.k, kBlockK) : 0;
  }

 private:
  __device__ __forceinline__ void find() {
#pragma unroll 1
    while (tile_ >= table_.first_tile[group_ + 1]) ++group_;
    const int first_row = table_.first_row[group_];
    const TileCount tiles = cluster_tiles(C, m_end() - first_row, args_.n);
    const TilePosition at = raster<C>(tile_ - table_.first_tile[group_], tiles);
    m_ = first_row + static_cast<int>(at.m * C.cluster_m + rank_m<C>(rank_)) * C.block_m;
    tile_n_ = static_cast<int>(at.n * C.cluster_n + rank_n<C>(rank_));
  }

  const GemmArguments& args_;
  const GroupTable& table_;
  int tile_;  // number of this cluster's current tile, over all groups
  int rank_;
  int group_ = 0;
  int m_ = 0;
  int tile_n_ = 0;
};

template <GemmConfig C, int kOperation>
struct TileOrderOf {
  using Type = GroupedOrder<C>;
};
template <GemmConfig C>
struct TileOrderOf<C, kDense> {
  using Type = DenseOrder<C>;
};
template <GemmConfig C>
using TileOrder = typename TileOrderOf<C, C.operation>::Type;

}  // namespace deepgemm::kernels
