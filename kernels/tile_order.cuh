// Which tile a block works on next.
#pragma once

#include "kernels/config.h"
#include "kernels/ptx.cuh"

namespace deepgemm::kernels {

// Walks the tiles of D in groups of raster_group cluster tiles along m: within a group m runs
// first, so that the blocks at work together share a few tiles of A and of B in L2. Producer and
// math warps each hold one and see the same tiles; the blocks of a cluster move together.
template <GemmConfig C>
class TileOrder {
 public:
  __device__ __forceinline__ TileOrder(int m, int n, int cluster, int clusters, int cluster_rank)
      : tiles_(cluster_tiles(C, m, n)),
        tile_(cluster),
        step_(clusters),
        rank_m_(cluster_rank % C.cluster_m),
        rank_n_(cluster_rank / C.cluster_m) {
    find();
  }

  // Whether there is a current tile. It may lie wholly outside D where the tile space is no
  // multiple of the cluster: such a block loads for its peers.
  __device__ __forceinline__ bool has_tile() const {
    return tile_ < static_cast<uint32>(tiles_.m * tiles_.n);
  }

  __device__ __forceinline__ void advance() {
    tile_ += step_;
    if (has_tile()) find();
  }

  // First row and column of the current tile in D.
  __device__ __forceinline__ int m() const { return m_; }
  __device__ __forceinline__ int n() const { return n_; }

 private:
  __device__ __forceinline__ void find() {
    const uint32 group_tiles = C.raster_group * tiles_.n;
    const uint32 group = tile_ / group_tiles;
    const uint32 within = tile_ - group * group_tiles;
    const uint32 first_m = group * C.raster_group;
    const uint32 rows = tiles_.m - first_m;
    // All groups but the last have a height that the compiler knows: no second division.
    uint32 tile_m = first_m + within % C.raster_group;
    uint32 tile_n = within / C.raster_group;
    if (rows < C.raster_group) {
      tile_n = within / rows;
      tile_m = first_m + within - tile_n * rows;
    }
    m_ = static_cast<int>(tile_m * C.cluster_m + rank_m_) * C.block_m;
    n_ = static_cast<int>(tile_n * C.cluster_n + rank_n_) * C.block_n;
  }

  TileCount tiles_;  // of the whole of D, in cluster tiles
  uint32 tile_;      // number of this cluster's current tile
  uint32 step_;
  int rank_m_;
  int rank_n_;
  int m_ = 0;
  int n_ = 0;
};

}  // namespace deepgemm::kernels
