// Adding up the slices of k that the blocks of a cluster multiplied.
#pragma once

#include "kernels/config.h"
#include "kernels/ptx.cuh"

namespace deepgemm::kernels {

// Every block of the cluster holds sums of one tile over its slice of k. Slice 0 reads the others
// through distributed shared memory and adds them in the order of k: the same bits on every run.
// Returns true in slice 0, whose `sum` is then complete. All math warps of the cluster call it,
// once per tile; `turn` counts the tiles.
//
// partial_ready (in slice 0) says that all others have written, partial_taken (in the others) that
// slice 0 has read and the memory may be written again.
template <GemmConfig C, int kSlabs, int kAccumulator>
__device__ __forceinline__ bool add_slices(float (&sum)[kSlabs][kAccumulator],
                                           SharedStorage<C>& shared, int slice, int turn) {
  constexpr int kMathThreads = C.math_warpgroups * kWarpgroupThreads;
  const int thread = static_cast<int>(threadIdx.x) - kWarpgroupThreads;
  const int lane = thread % 32;
  // Neighbouring threads hold neighbouring words: no bank conflicts.
  const auto place = [&](int slab, int i) {
    return shared.partial + (slab * kAccumulator + i) * kMathThreads + thread;
  };
  if (slice > 0) {
    ptx::barrier_wait_published(&shared.partial_taken, (turn & 1) ^ 1);
#pragma unroll
    for (int s = 0; s < kSlabs; ++s) {
#pragma unroll
      for (int i = 0; i < kAccumulator; ++i) *place(s, i) = sum[s][i];
    }
    __syncwarp();
    if (lane == 0) ptx::barrier_publish_in_cluster(&shared.partial_ready, 0);
    return false;
  }
  ptx::barrier_wait_published(&shared.partial_ready, turn & 1);
  for (int other = 1; other < C.split_k; ++other) {
#pragma unroll
    for (int s = 0; s < kSlabs; ++s) {
#pragma unroll
      for (int i = 0; i < kAccumulator; ++i) {
        sum[s][i] = __fadd_rn(sum[s][i], ptx::load_from_cluster(place(s, i), other));
      }
    }
  }
  __syncwarp();
  if (lane > 0 && lane < C.split_k) ptx::barrier_publish_in_cluster(&shared.partial_taken, lane);
  return true;
}

}  // namespace deepgemm::kernels
