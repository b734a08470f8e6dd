// The ring of shared-memory stages between the loading warp and the math warpgroups.
#pragma once

#include "kernels/config.h"
#include "kernels/ptx.cuh"

namespace deepgemm::kernels {

// Position in the ring. The phase flips each time the ring wraps; a full barrier is waited for
// with the phase, an empty one with its opposite, so that the first lap finds all stages free.
template <int kStages>
struct StageCursor {
  int index = 0;
  uint32 phase = 0;

  __device__ __forceinline__ void advance() {
    if (++index == kStages) {
      index = 0;
      phase ^= 1;
    }
  }
};

// One math warp is done with a stage: it tells every block of the cluster that writes there.
// Called by all 32 lanes, after the last wgmma that reads the stage has finished.
//
// `after` must be computed from what the lane itself loaded from the stage: an ordinary load is not
// ordered before the arrival, and where nothing waits for its result TMA overtakes it (measured:
// scales of A came out wrong in 759 of 12000 launches). So the address of the barrier is made to
// depend on it; `zero` is 0, which the compiler must not know. A proxy fence would do as well, but
// waits for loads of later stages, too: a sixth of a math warp's time on 128x64 with two
// accumulator sets, by samples of its stalls.
template <GemmConfig C>
__device__ __forceinline__ void release_stage(uint64* empty, int cluster_rank, int lane,
                                              uint32 after, uint32 zero) {
  empty = reinterpret_cast<uint64*>(reinterpret_cast<char*>(empty) + (after & zero));
  __syncwarp();
  if constexpr (stage_writers(C) == 1) {
    if (lane == 0) ptx::barrier_arrive(empty);
  } else {
    // Lanes 0 … cluster_m-1 signal the column of the cluster (writers of B, this block among
    // them), the next cluster_n-1 the rest of its row (writers of A).
    const int rank_m = cluster_rank % C.cluster_m;
    const int rank_n = cluster_rank / C.cluster_m;
    if (lane < C.cluster_m) {
      ptx::barrier_arrive_in_cluster(empty, lane + rank_n * C.cluster_m);
    } else if (lane < stage_writers(C)) {
      const int other = lane - C.cluster_m;
      const int column = other < rank_n ? other : other + 1;
      ptx::barrier_arrive_in_cluster(empty, rank_m + column * C.cluster_m);
    }
  }
}

}  // namespace deepgemm::kernels
