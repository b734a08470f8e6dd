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

// Where one lane of a math warp tells that the warp is done with the first stage: lanes 0 ...
// stage_writers - 1 each signal one of the blocks that write into this block's stages. Stages lie
// sizeof(uint64) apart.
//
// Lanes 0 ... cluster_m-1 signal the column of the cluster (writers of B, this block among them),
// the next cluster_n-1 the rest of its row (writers of A).
template <GemmConfig C>
__device__ __forceinline__ uint32 release_address(const uint64* empty, int cluster_rank, int slice,
                                                  int lane) {
  if constexpr (stage_writers(C) == 1) return ptx::shared_address(empty);
  const int rank_m = cluster_rank % C.cluster_m;
  const int rank_n = cluster_rank / C.cluster_m;
  const int other = lane - C.cluster_m;
  const int column = other < rank_n ? other : other + 1;
  const int in_column = lane + rank_n * C.cluster_m;
  const int in_row = rank_m + column * C.cluster_m;
  const bool signals = lane < stage_writers(C);
  const int in_slice = !signals ? 0 : lane < C.cluster_m ? in_column : in_row;
  return ptx::address_in_cluster(empty, slice * multicast_size(C) + in_slice);
}

// One math warp is done with a stage: it tells every block of the cluster that writes there.
// Called by all 32 lanes, after the last wgmma that reads the stage has finished. `address` is the
// lane's release_address, moved on to the stage: found once, so that this is one instruction.
//
// `after` must be computed from what the lane itself loaded from the stage: an ordinary load is not
// ordered before the arrival, and where nothing waits for its result TMA overtakes it (measured:
// scales of A came out wrong in 759 of 12000 launches). So the address of the barrier is made to
// depend on it; `zero` is 0, which the compiler must not know. A proxy fence would do as well, but
// waits for loads of later stages, too: a sixth of a math warp's time on 128x64 with two
// accumulator sets, by samples of its stalls.
template <GemmConfig C>
__device__ __forceinline__ void release_stage(uint32 address, int lane, uint32 after, uint32 zero) {
  __syncwarp();
  if constexpr (stage_writers(C) == 1) {
    if (lane == 0) ptx::barrier_arrive(address + (after & zero));
  } else {
    if (lane < stage_writers(C)) ptx::barrier_arrive_in_cluster(address + (after & zero));
  }
}

}  // namespace deepgemm::kernels
