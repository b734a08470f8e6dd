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
  // Divides here, once, so that next() need not.
  __device__ __forceinline__ TileOrder(int m, int n, int cluster, int clusters, int cluster_rank)
      : tiles_(cluster_tiles(C, m, n)),
        group_tiles_(C.raster_group * tiles_.n),
        group_(cluster / group_tiles_),
        within_(cluster % group_tiles_),
        group_step_(clusters / group_tiles_),
        within_step_(clusters % group_tiles_),
        rank_m_(cluster_rank % C.cluster_m),
        rank_n_(cluster_rank / C.cluster_m) {}

  // Moves to the next tile; false when there is none left. The tile may lie wholly outside D
  // where the tile space is no multiple of the cluster: such a block loads for its peers.
  __device__ __forceinline__ bool next() {
    const int first_m = group_ * C.raster_group;
    const int rows = min(tiles_.m - first_m, C.raster_group);
    if (rows <= 0 || within_ >= rows * tiles_.n) return false;
    // All groups but the last have a height that the compiler knows.
    const bool whole = rows == C.raster_group;
    const int tile_m = first_m + (whole ? within_ % C.raster_group : within_ % rows);
    const int tile_n = whole ? within_ / C.raster_group : within_ / rows;
    m_ = (tile_m * C.cluster_m + rank_m_) * C.block_m;
    n_ = (tile_n * C.cluster_n + rank_n_) * C.block_n;
    group_ += group_step_;
    within_ += within_step_;
    if (within_ >= group_tiles_) {
      within_ -= group_tiles_;
      ++group_;
    }
    return true;
  }

  // First row and column of the current tile in D.
  __device__ __forceinline__ int m() const { return m_; }
  __device__ __forceinline__ int n() const { return n_; }

 private:
  TileCount tiles_;   // of the whole of D, in cluster tiles
  int group_tiles_;   // tiles of a whole group
  int group_;         // of the next tile
  int within_;        // its number in the group
  int group_step_;    // from one tile of this cluster to its next
  int within_step_;
  int rank_m_;
  int rank_n_;
  int m_ = 0;
  int n_ = 0;
};

}  // namespace deepgemm::kernels
