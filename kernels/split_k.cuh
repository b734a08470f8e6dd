// Adding up the slices of k that the blocks of a cluster multiplied.
#pragma once

#include "kernels/config.h"
#include "kernels/ptx.cuh"

namespace deepgemm::kernels {

// Of each tile that the cluster works on, split_k blocks hold sums, each over its slice of k. Each
// of them is given a share of the tile's columns: it gets the others' sums for them, adds them to
// its own in the order of k (the same bits on every run) and stores them. A thread keeps its rows:
// it sends to the same thread of the other blocks.
//
// partial_ready of a block completes when the others' sums for its share have arrived; its
// partial_taken when all others have read what they got, and may be sent the next tile's.
template <GemmConfig C>
struct SliceExchange {
  static constexpr int kSlabs = slabs_per_warpgroup(C);
  static constexpr int kAccumulator = C.block_n / 2;
  static constexpr int kMathThreads = C.math_warpgroups * kWarpgroupThreads;

  SharedStorage<C>& shared;
  int cluster_rank;  // among the blocks of one slice
  int slice;
  int lane;
  int turn = 0;  // tiles exchanged

  __device__ __forceinline__ SliceExchange(SharedStorage<C>& storage, int cluster_rank, int slice,
                                           int lane)
      : shared(storage), cluster_rank(cluster_rank), slice(slice), lane(lane) {}

  // Adds up a tile. `use(first, end)` is called with `sum` complete in the groups of 8 columns from
  // `first` to `end`, which are compile-time constants after inlining.
  // All math warps of the cluster call it; `more`: whether another tile follows.
  template <typename Use>
  __device__ __forceinline__ void add_up(float (&sum)[kSlabs][kAccumulator], bool more,
                                         const Use& use) {
    if (turn > 0) ptx::barrier_wait_published(&shared.partial_taken, (turn - 1) & 1);
    if (owns_columns() && thread() == 0) expect();
    send_shares(sum);
    if (owns_columns()) {
      ptx::barrier_wait_published(&shared.partial_ready, turn & 1);
      receive_share(sum, use);
    }
    ++turn;
    if (more) {
      __syncwarp();
      if (lane < C.split_k && lane != slice) {
        ptx::barrier_publish_in_cluster(&shared.partial_taken, block_of(lane));
      }
    }
  }

 private:
  __device__ __forceinline__ static int thread() {
    return static_cast<int>(threadIdx.x) - kWarpgroupThreads;
  }

  // The block of the cluster that works on the same tile with another slice.
  __device__ __forceinline__ int block_of(int other_slice) const {
    return other_slice * multicast_size(C) + cluster_rank;
  }

  // Where this thread's sums from the block `from` for group `g` of the share of `owner` lie.
  __device__ __forceinline__ float* place(int owner, int from, int slab, int g) const {
    const int sender = from - (from > owner ? 1 : 0);
    const int vector = (sender * kSlabs + slab) * share_most(C) + g - share_begin(C, owner);
    return shared.partial + 4 * (vector * kMathThreads + thread());
  }

  // A tile may have fewer groups of columns than blocks that add them up. One without a share is
  // sent nothing and may be a tile ahead of its own barrier: it must not wait there.
  __device__ __forceinline__ bool owns_columns() const {
    return share_begin(C, slice + 1) > share_begin(C, slice);
  }

  __device__ __forceinline__ void expect() const {
    const int groups = share_begin(C, slice + 1) - share_begin(C, slice);
    ptx::barrier_arrive_expect_bytes(&shared.partial_ready,
                                     (C.split_k - 1) * groups * 8 * C.block_m * 4);
  }

  // Registers have no addresses: the owner of a share is a template argument, and a block walks
  // through all of them.
  template <int kOwner = 0>
  __device__ __forceinline__ void send_shares(const float (&sum)[kSlabs][kAccumulator]) const {
    if constexpr (kOwner < C.split_k) {
      if (kOwner != slice) send<kOwner>(sum);
      send_shares<kOwner + 1>(sum);
    }
  }

  template <int kOwner = 0, typename Use>
  __device__ __forceinline__ void receive_share(float (&sum)[kSlabs][kAccumulator],
                                                const Use& use) const {
    if constexpr (kOwner < C.split_k) {
      if (kOwner == slice) {
        receive<kOwner>(sum);
        use(share_begin(C, kOwner), share_begin(C, kOwner + 1));
      } else {
        receive_share<kOwner + 1>(sum, use);
      }
    }
  }

  template <int kOwner>
  __device__ __forceinline__ void send(const float (&sum)[kSlabs][kAccumulator]) const {
    const uint32 barrier = ptx::address_in_cluster(&shared.partial_ready, block_of(kOwner));
#pragma unroll
    for (int s = 0; s < kSlabs; ++s) {
#pragma unroll
      for (int g = share_begin(C, kOwner); g < share_begin(C, kOwner + 1); ++g) {
        const float* v = sum[s] + 4 * g;
        ptx::store_async(ptx::address_in_cluster(place(kOwner, slice, s, g), block_of(kOwner)),
                         barrier, v[0], v[1], v[2], v[3]);
      }
    }
  }

  template <int kOwner>
  __device__ __forceinline__ void receive(float (&sum)[kSlabs][kAccumulator]) const {
#pragma unroll
    for (int s = 0; s < kSlabs; ++s) {
#pragma unroll
      for (int g = share_begin(C, kOwner); g < share_begin(C, kOwner + 1); ++g) {
        float* const v = sum[s] + 4 * g;
        const float4 own = make_float4(v[0], v[1], v[2], v[3]);
#pragma unroll
        for (int from = 0; from < C.split_k; ++from) {
          const float4 part =
              from == kOwner ? own : *reinterpret_cast<const float4*>(place(kOwner, from, s, g));
          v[0] = from == 0 ? part.x : __fadd_rn(v[0], part.x);
          v[1] = from == 0 ? part.y : __fadd_rn(v[1], part.y);
          v[2] = from == 0 ? part.z : __fadd_rn(v[2], part.z);
          v[3] = from == 0 ? part.w : __fadd_rn(v[3], part.w);
        }
      }
    }
  }
};

}  // namespace deepgemm::kernels
