// The work of one math thread: multiply the stages of a tile, promote, store.
#pragma once

#include "kernels/config.h"
#include "kernels/epilogue.cuh"
#include "kernels/pipeline.cuh"
#include "kernels/promotion.cuh"
#include "kernels/ptx.cuh"
#include "kernels/wgmma.cuh"

namespace deepgemm::kernels {

// What one math thread carries through the tiles: its place in the block and in the ring.
template <GemmConfig C>
struct MathThread {
  static constexpr int kSlabs = slabs_per_warpgroup(C);
  static constexpr int kAccumulator = C.block_n / 2;

  SharedStorage<C>& shared;
  const GemmArguments& args;
  int warpgroup;
  int warp;  // within the warpgroup
  int lane;
  uint32 first_release;  // release_address of the first stage
  uint32 zero;           // unknown to the compiler; see release_stage
  StageCursor<C.stages> stage;
  int store_place = 0;  // where the next boxes of D are put on their way out
  // Lower words of the descriptors of this warpgroup's first slab of A and of B, in the stage that
  // is multiplied next: found ahead, while the tensor core is busy.
  uint32 next_a;
  uint32 next_b;
  uint32 first_scale = 0;  // of that stage (dense.cuh); set for each tile

  __device__ __forceinline__ MathThread(SharedStorage<C>& storage, const GemmArguments& arguments,
                                        int warpgroup, int cluster_rank, int slice)
      : shared(storage),
        args(arguments),
        warpgroup(warpgroup),
        warp(static_cast<int>(threadIdx.x) % kWarpgroupThreads / 32),
        lane(static_cast<int>(threadIdx.x) % 32),
        first_release(release_address<C>(storage.empty, cluster_rank, slice, lane)),
        zero(__shfl_sync(0xffffffffu, threadIdx.y, 0)) {
    aim();
  }

  // Warpgroups take turns on the slabs: where a group ends within a tile, they share what there is.
  __device__ __forceinline__ int slab(int i) const { return warpgroup + i * C.math_warpgroups; }

  __device__ __forceinline__ void aim() {
    next_a = ptx::wgmma_descriptor(
        ptx::shared_address(shared.a[stage.index] + slab(0) * kWgmmaM * kBlockK));
    next_b = ptx::wgmma_descriptor(ptx::shared_address(shared.b[stage.index]));
  }

  // Moves on to the next stage; returns the one left behind, which is still being read.
  __device__ __forceinline__ int advance() {
    const int left = stage.index;
    stage.advance();
    first_scale += scale_stride(args.m);
    aim();
    return left;
  }

  // The same answer in all lanes: they must stay together for wgmma.
  __device__ __forceinline__ bool is_full() {
    return __all_sync(0xffffffffu, ptx::barrier_test(&shared.full[stage.index], stage.phase));
  }

  __device__ __forceinline__ void wait_full() {
    ptx::barrier_wait(&shared.full[stage.index], stage.phase);
    __syncwarp();  // lanes may have left the wait one by one
  }

  // Out of the way of those that need not wait.
  __device__ __forceinline__ void wait_unless(bool full) {
    if (__builtin_expect(!full, false)) wait_full();
  }

  // Gives a stage back whose scales have been read into `scales`.
  template <int kCount>
  __device__ __forceinline__ void release(int index, const BlockScales<C> (&scales)[kCount]) {
    uint32 after = 0;
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      after |= __float_as_uint(scales[i].upper[0]) | __float_as_uint(scales[i].lower[0]);
    }
    release(index, after);
  }

  __device__ __forceinline__ void release(int index, uint32 after) {
    release_stage<C>(first_release + index * sizeof(uint64), lane, after, zero);
  }

  // Starts slab i of the current stage on the tensor core; `partial` is then in flight.
  __device__ __forceinline__ void start(float (&partial)[kAccumulator], int i) {
    constexpr int kStep = kWgmmaK >> 4;
    const uint32 a = next_a + i * (C.math_warpgroups * kWgmmaM * kBlockK >> 4);
    ptx::wgmma_fence();
#pragma unroll
    for (int kk = 0; kk < kBlockK / kWgmmaK; ++kk) {
      wgmma(partial, a + kk * kStep, next_b + kk * kStep, kk != 0);
    }
    ptx::wgmma_commit();
  }

  // A's scales for slab i of the current stage. Asked for before the tensor core is started, where
  // other work fills it meanwhile: behind its reads of shared memory they come late.
  __device__ __forceinline__ RowScales read_rows(int i) const {
    const float* const a = shared.scale_a[stage.index] +
                           (loads_scale_lines(C) ? first_scale % kLineFloats : 0) +
                           slab(i) * kWgmmaM + warp * 16 + lane / 4;
    return {a[0], a[8]};
  }

  // Waits for `partial`, where kLater accumulators were started after it.
  template <int kLater>
  __device__ __forceinline__ void finish(float (&partial)[kAccumulator]) {
    ptx::wgmma_wait<kLater>();
    ptx::pin_registers(partial);
  }

  // One accumulator set: multiply, wait, promote. Other warpgroups fill the tensor core meanwhile.
  // kLive: how many of its slabs have rows.
  template <int kLive>
  __device__ __forceinline__ void multiply_serial(float (&sum)[kSlabs][kAccumulator],
                                                  TileScalesB<C>& tile_scales, int k_blocks) {
    constexpr bool kRowsFirst = C.math_warpgroups > 1;
    float partial[kAccumulator];
    RowScales rows[kLive];
    BlockScales<C> scales[kLive];
    float scales_b[TileScalesB<C>::kSegments];
    tile_scales.read(scales_b, 0);
    bool full = false;
    const auto multiply = [&](int kb) {
      wait_unless(full);
#pragma unroll
      for (int i = 0; kRowsFirst && i < kLive; ++i) rows[i] = read_rows(i);
#pragma unroll
      for (int i = 0; i < kLive; ++i) {
        start(partial, i);
        if constexpr (!kRowsFirst) rows[i] = read_rows(i);
        scales[i] = multiply_scales<C>(rows[i], scales_b);
        if (i < kLive - 1) {
          finish<0>(partial);
        } else {
          const int started = advance();
          full = is_full();
          tile_scales.read(scales_b, kb + 1);
          finish<0>(partial);
          release(started, scales);
        }
        promote<C>(sum[i], partial, scales[i]);
      }
    };
    // A turn of the loop costs 45 clocks (two jumps, moves, the next descriptors late), and nothing
    // fills the tensor core meanwhile: 2 to 10 % of a kernel.
    constexpr int kUnrolled = 4;
    int kb = 0;
#pragma unroll 1
    for (; kb + kUnrolled <= k_blocks; kb += kUnrolled) {
#pragma unroll
      for (int i = 0; i < kUnrolled; ++i) multiply(kb + i);
    }
#pragma unroll 1
    for (; kb < k_blocks; ++kb) multiply(kb);
  }

  // Gives a tile's stages back unread, where none of this warpgroup's rows belongs to the tile.
  __device__ __forceinline__ void pass_over(int k_blocks) {
#pragma unroll 1
    for (int kb = 0; kb < k_blocks; ++kb) {
      wait_full();
      release(advance(), 0u);
    }
  }

  // Two accumulator sets: while one k-block is promoted, the next is multiplied.
  __device__ __forceinline__ void multiply_overlapped(float (&sum)[kSlabs][kAccumulator],
                                                      TileScalesB<C>& tile_scales, int k_blocks) {
    float even[kAccumulator];
    float odd[kAccumulator];
    BlockScales<C> even_scales[1];
    BlockScales<C> odd_scales[1];
    float scales_b[TileScalesB<C>::kSegments];
    tile_scales.read(scales_b, 0);
    bool full = false;
    const auto start_next = [&](float(&partial)[kAccumulator], BlockScales<C>& scales, int kb) {
      wait_unless(full);
      const RowScales rows = read_rows(0);
      start(partial, 0);
      scales = multiply_scales<C>(rows, scales_b);
      const int started = advance();
      full = is_full();
      tile_scales.read(scales_b, kb + 1);
      return started;
    };
    if (k_blocks == 0) return;  // an empty slice of k
    int even_stage = start_next(even, even_scales[0], 0);
    int odd_stage;
    int kb = 0;
    for (; kb + 2 < k_blocks; kb += 2) {
      odd_stage = start_next(odd, odd_scales[0], kb + 1);
      finish<1>(even);
      release(even_stage, even_scales);
      promote<C>(sum[0], even, even_scales[0]);
      even_stage = start_next(even, even_scales[0], kb + 2);
      finish<1>(odd);
      release(odd_stage, odd_scales);
      promote<C>(sum[0], odd, odd_scales[0]);
    }
    if (kb + 2 == k_blocks) {
      odd_stage = start_next(odd, odd_scales[0], kb + 1);
      finish<1>(even);
      release(even_stage, even_scales);
      promote<C>(sum[0], even, even_scales[0]);
      finish<0>(odd);
      release(odd_stage, odd_scales);
      promote<C>(sum[0], odd, odd_scales[0]);
    } else {
      finish<0>(even);
      release(even_stage, even_scales);
      promote<C>(sum[0], even, even_scales[0]);
    }
  }

  // The groups of 8 columns from `first` to `end` of the tile, straight from registers.
  __device__ __forceinline__ void store_groups(const float (&sum)[kSlabs][kAccumulator],
                                               const GemmArguments& args, int m0, int m_end,
                                               const TileColumns<C>& columns, int first, int end) {
#pragma unroll
    for (int i = 0; i < kSlabs; ++i) {
      store_slab_predicated<C>(sum[i], args, m0 + slab(i) * kWgmmaM, m_end, columns, warp, lane,
                               first, end);
    }
  }

  // Slabs leave through shared memory and TMA, which leaves out what lies outside of D; but where
  // other rows of D come behind m_end, those across it leave from registers.
  __device__ __forceinline__ void store(const float (&sum)[kSlabs][kAccumulator],
                                        const TensorMap& map_d, const GemmArguments& args, int m0,
                                        int m_end, const TileColumns<C>& columns) {
#pragma unroll
    for (int i = 0; i < kSlabs; ++i) {
      const int m = m0 + slab(i) * kWgmmaM;
      if (m >= m_end) break;
      if (C.operation == kDense || m + kWgmmaM <= m_end) {
        store_slab(sum[i], map_d, m, columns);
      } else {
        store_slab_predicated<C>(sum[i], args, m, m_end, columns, warp, lane, 0, C.block_n / 8);
      }
    }
  }

  __device__ __forceinline__ void store_slab(const float (&sum)[kAccumulator],
                                             const TensorMap& map_d, int m,
                                             const TileColumns<C>& columns) {
    constexpr int kBoxes = boxes_per_store(C);
    constexpr int kPlaces = store_places(C);
    const bool leader = warp == 0 && lane == 0;
#pragma unroll
    for (int box = 0; box < boxes_per_slab(C); box += kBoxes) {
      unsigned short* const boxes =
          shared.d + (warpgroup * kPlaces + store_place) * kBoxes * (store_box_bytes(C) / 2);
      store_place = store_place + 1 == kPlaces ? 0 : store_place + 1;
      // What last left from this place must have been read.
      if (leader) ptx::tma_store_wait_read<kPlaces - 1>();
      ptx::named_barrier_sync(1 + warpgroup, kWarpgroupThreads);
      stage_boxes<C>(sum, box, boxes, warp, lane);
      ptx::fence_shared_for_async();
      ptx::named_barrier_sync(1 + warpgroup, kWarpgroupThreads);
      if (leader) store_boxes_from<C>(boxes, box, map_d, m, columns);
    }
  }
};

}  // namespace deepgemm::kernels
