// Which tile a block works on next.
#pragma once

#include "kernels/config.h"

namespace deepgemm::kernels {

// Walks the tiles of D in groups of raster_group cluster tiles along m: within a group m runs
// first, so that the blocks at work together share a few tiles of A and of B in L2. Producer and
// math warps each hold one and see the same tiles; the blocks of a cluster move together.
template <GemmConfig C>
class TileOrder {
 public:
  __device__ __forceinline__ TileOrder(int m, int n, int cluster, int clusters, int cluster_rank)
      : tiles_(cluster_tiles(C, m, n)),
        next_(cluster),
        step_(clusters),
        rank_m_(cluster_rank % C.cluster_m),
        rank_n_(cluster_rank / C.cluster_m) {}

  // Moves to the next tile; false when there is none left. The tile may lie wholly outside D
  // where the tile space is no multiple of the cluster: such a block loads for its peers.
  __device__ __forceinline__ bool next() {
    if (next_ >= tiles_.m * tiles_.n) return false;
    const int group_tiles = C.raster_group * tiles_.n;
    const int first_m = next_ / group_tiles * C.raster_group;
    const int rows = min(tiles_.m - first_m, C.raster_group);
    const int within = next_ % group_tiles;
    m_ = ((first_m + within % rows) * C.cluster_m + rank_m_) * C.block_m;
    n_ = (within / rows * C.cluster_n + rank_n_) * C.block_n;
    next_ += step_;
    return true;
  }

  // First row and column of the current tile in D.
  __device__ __forceinline__ int m() const { return m_; }
  __device__ __forceinline__ int n() const { return n_; }

 private:
  TileCount tiles_;
  int next_;
  int step_;
  int rank_m_;
  int rank_n_;
  int m_ = 0;
  int n_ = 0;
};

}  // namespace deepgemm::kernels
