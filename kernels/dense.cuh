// D[m,n] = sum over kb of scale_a[m,kb] * scale_b[n/128,kb] * (A * B^T restricted to k-block kb).
//
// A [m, k] and B [n, k] are e4m3 and K-major, D is bf16 row-major; k-blocks are 128 long and the
// last may be partial. Any m >= 1, n a multiple of 8, k a multiple of 16.
//
// A persistent kernel: each block walks tiles of D. One warp loads stages of A, B and A's scales
// through TMA into a ring; one to three math warpgroups multiply them with wgmma, promote each
// k-block into fp32 registers and store the tile. The two-level accumulation is DeepGEMM's
// (DeepSeek-V3 technical report, section 3.3.2): the FP8 tensor core keeps about 14 bits, so no
// more than 128 products are summed there.
#pragma once

#include "kernels/config.h"
#include "kernels/group_table.cuh"
#include "kernels/math_thread.cuh"
#include "kernels/pipeline.cuh"
#include "kernels/promotion.cuh"
#include "kernels/ptx.cuh"
#include "kernels/split_k.cuh"
#include "kernels/tile_order.cuh"

namespace deepgemm::kernels {

// Maps of the four tensors that TMA moves, B once for each segment of a tile's columns. Boxes: A
// [loaded_rows / cluster_n, 128] and B [width of the segment / cluster_m, 128] bytes with 128-byte
// swizzle, scales of A scale_box, D [64, store_box_n].
template <GemmConfig C>
struct DenseMaps {
  TensorMap a;
  TensorMap scale_a;
  TensorMap d;
  TensorMap b[segments(C)];
};

// Which of A's scales, counted from the start of the line that the first one lies in, is that of
// the current tile's first row for k-block `kb`.
template <GemmConfig C>
__device__ __forceinline__ uint32 first_scale(const GemmArguments& args, const TileOrder<C>& order,
                                              int kb) {
  return args.scale_place + (order.scale_y() + kb) * scale_stride(args.m) + order.scale_x();
}

// --- Loading warp -----------------------------------------------------------------------------

// Fetches rows of one operand for the k-block that begins at `k`: from `row` on, kSharers times
// `share` of them, which as many blocks of the cluster share. Each fetches its share by its `rank`,
// for all `sharers`; one that is still alone fetches all for itself. Shares from `wanted` on are
// left out.
template <GemmConfig C, int kSharers>
__device__ __forceinline__ void load_rows(unsigned char* stage, const TensorMap& map, uint64* full,
                                          int k, int row, int share, int rank, uint32 sharers,
                                          bool alone, int wanted = kSharers) {
  constexpr uint64 kPolicy = C.l2_policy == kEvictOperands ? ptx::kEvictFirst : ptx::kEvictNormal;
  if (kSharers == 1 || alone) {
#pragma unroll
    for (int i = 0; i < kSharers; ++i) {
      if (i < wanted) {
        ptx::tma_load(stage + i * share * kBlockK, &map, full, k, row + i * share, kPolicy);
      }
    }
  } else if (rank < wanted) {
    ptx::tma_load_multicast(stage + rank * share * kBlockK, &map, full, k, row + rank * share,
                            sharers, kPolicy);
  }
}

// Fetches A's scales of the current tile for k-block `kb`.
template <GemmConfig C>
__device__ __forceinline__ void load_scales(float* stage, const TensorMap& map, uint64* full,
                                            const GemmArguments& args, const TileOrder<C>& order,
                                            int kb) {
  if constexpr (loads_scale_lines(C)) {
    ptx::tma_load(stage, &map, full, 0, first_scale<C>(args, order, kb) / kLineFloats);
  } else {
    ptx::tma_load(stage, &map, full, order.scale_x(), order.scale_y() + kb);
  }
}

// One elected thread fills stage after stage. Each block of a cluster fetches its share of the
// rows and multicasts it: of the blocks with the same slice of k, those of one cluster row share A,
// those of one column share B. The first lap is the exception: until the whole cluster has started,
// a block fetches all rows for itself.
template <GemmConfig C>
__device__ __forceinline__ void load_tiles(const DenseMaps<C>& maps, const GemmArguments& args,
                                           TileOrder<C> order, SharedStorage<C>& shared,
                                           int full_bytes, int k_begin, int k_end, int cluster_rank,
                                           int slice) {
  constexpr int kRowsA = C.block_m / C.cluster_n;
  const int rank_m = kernels::rank_m<C>(cluster_rank);
  const int rank_n = kernels::rank_n<C>(cluster_rank);
  uint32 row_of_cluster = 0;
  uint32 column_of_cluster = 0;
#pragma unroll
  for (int i = 0; i < C.cluster_n; ++i) row_of_cluster |= 1u << (rank_m + i * C.cluster_m);
#pragma unroll
  for (int i = 0; i < C.cluster_m; ++i) column_of_cluster |= 1u << (i + rank_n * C.cluster_m);
  row_of_cluster <<= slice * multicast_size(C);
  column_of_cluster <<= slice * multicast_size(C);

  StageCursor<C.stages> stage;
  bool alone = cluster_size(C) > 1;
  for (; order.has_tile(); order.advance()) {
    // A tile beyond its group's rows: only what the peers need, which is no A, for its row of the
    // cluster lies there as well. One in which the group ends: the shares of A up to there.
    const bool beyond = C.operation != kDense && order.m() >= order.m_end();
    const int wanted = C.operation == kDense
                           ? C.cluster_n
                           : min(ceil_div(order.m_end() - order.m(), kRowsA), C.cluster_n);
    const int bytes = full_bytes - (C.cluster_n - wanted) * kRowsA * kBlockK;
    TileColumns<C> columns = order.columns();
    const int first_row_of_b = order.group() * args.n;
#pragma unroll 1
    for (int kb = k_begin; kb < k_end; ++kb, stage.advance()) {
      if (alone && stage.phase == 1) {
        alone = false;
        ptx::cluster_wait();
      }
      uint64* const full = &shared.full[stage.index];
      ptx::barrier_wait(&shared.empty[stage.index], stage.phase ^ 1);
      ptx::barrier_arrive_expect_bytes(full, beyond ? C.block_n * kBlockK : bytes);
      const int k = kb * kBlockK;
      // Rows of B are found anew for each k-block: this thread has no registers to keep them in.
      if constexpr (segments(C) > 1) asm volatile("" : "+r"(columns.tile), "+r"(columns.tiles));
      if (!beyond) {
        load_rows<C, C.cluster_n>(shared.a[stage.index], maps.a, full, k, order.m(), kRowsA, rank_n,
                                  row_of_cluster, alone, wanted);
      }
#pragma unroll
      for (int i = 0; i < segments(C); ++i) {
        load_rows<C, C.cluster_m>(shared.b[stage.index] + segment_begin(C, i) * kBlockK, maps.b[i],
                                  full, k, first_row_of_b + columns.segment(i),
                                  segment_width(C, i) / C.cluster_m, rank_m, column_of_cluster,
                                  alone);
      }
      if (!beyond) load_scales<C>(shared.scale_a[stage.index], maps.scale_a, full, args, order, kb);
    }
  }
  if (alone) ptx::cluster_wait();
  if constexpr (stage_writers(C) > 1) {
    // What peers still have to say about these stages must find this block here.
#pragma unroll 1
    for (int i = 0; i < C.stages; ++i, stage.advance()) {
      ptx::barrier_wait(&shared.empty[stage.index], stage.phase ^ 1);
    }
  }
}

// --- Math warpgroups --------------------------------------------------------------------------

template <GemmConfig C>
__device__ __forceinline__ void multiply_tiles(const DenseMaps<C>& maps, const GemmArguments& args,
                                               TileOrder<C> order, SharedStorage<C>& shared,
                                               int warpgroup, int cluster_rank, int slice) {
  using Thread = MathThread<C>;
  const int k_begin = slice_begin(C, ceil_div(args.k, kBlockK), slice);
  const int k_blocks = slice_begin(C, ceil_div(args.k, kBlockK), slice + 1) - k_begin;
  Thread thread(shared, args, warpgroup, cluster_rank, slice);
  TileScalesB<C> tile_scales(args, k_begin, thread.lane);
  tile_scales.start_tile(order.columns(), order.group());
  SliceExchange<C> exchange(shared, cluster_rank, slice, thread.lane);
  while (order.has_tile()) {
    thread.first_scale = first_scale<C>(args, order, k_begin);
    float sum[Thread::kSlabs][Thread::kAccumulator] = {};
    if (C.operation != kDense && order.m() + thread.slab(0) * kWgmmaM >= order.m_end()) {
      thread.pass_over(k_blocks);
    } else if (C.operation != kDense && Thread::kSlabs > 1 &&
               order.m() + thread.slab(1) * kWgmmaM >= order.m_end()) {
      thread.template multiply_serial<1>(sum, tile_scales, k_blocks);
    } else if constexpr (C.accumulator_sets == 1) {
      thread.template multiply_serial<Thread::kSlabs>(sum, tile_scales, k_blocks);
    } else {
      thread.multiply_overlapped(sum, tile_scales, k_blocks);
    }
    const int m0 = order.m();
    const int m_end = order.m_end();
    const TileColumns<C> columns = order.columns();
    // The next tile's scales come while this one is stored.
    order.advance();
    tile_scales.start_tile(order.columns(), order.group());
    if constexpr (C.split_k > 1) {
      exchange.add_up(sum, order.has_tile(), [&](int first, int end) {
        thread.store_groups(sum, args, m0, m_end, columns, first, end);
      });
    } else {
      thread.store(sum, maps.d, args, m0, m_end, columns);
    }
  }
  if (thread.warp == 0 && thread.lane == 0) ptx::tma_store_wait_read<0>();
}

// --- Kernel -----------------------------------------------------------------------------------

// Names of the block's barriers beside __syncthreads: one for each math warpgroup from 1 on, and
// the one at which the math warps learn that the transaction barriers are there.
inline constexpr int kReadyBarrier = 4;

// One thread makes the barriers ready.
template <GemmConfig C>
__device__ __forceinline__ void init_barriers(SharedStorage<C>& shared) {
#pragma unroll
  for (int i = 0; i < C.stages; ++i) {
    ptx::barrier_init(&shared.full[i], 1);
    ptx::barrier_init(&shared.empty[i], 4 * C.math_warpgroups * stage_writers(C));
  }
  if constexpr (C.split_k > 1) {
    ptx::barrier_init(&shared.partial_ready, 1);
    ptx::barrier_init(&shared.partial_taken, 4 * C.math_warpgroups * (C.split_k - 1));
  }
  ptx::fence_barrier_init();
}

template <GemmConfig C>
__device__ __forceinline__ void dense_gemm(const DenseMaps<C>& maps, const GemmArguments& args) {
  static_assert(C.block_m == kWgmmaM * C.math_warpgroups * slabs_per_warpgroup(C));
  static_assert(slabs_per_warpgroup(C) == 1 || slabs_per_warpgroup(C) == 2);
  // ptxas 13.0 serialises wgmma where two slabs take turns on two accumulators (C7514).
  static_assert(slabs_per_warpgroup(C) == 1 || C.accumulator_sets == 1);
  static_assert(C.block_n % 8 == 0 && C.block_n >= 8 && C.block_n <= 256);
  static_assert(C.block_m / C.cluster_n % 8 == 0 && C.block_n / C.cluster_m % 8 == 0);
  static_assert(sizeof(SharedStorage<C>) == storage_bytes(C));
  static_assert(C.operation >= kDense && C.operation <= kGroupedMasked);

  extern __shared__ __align__(1024) unsigned char raw[];
  SharedStorage<C>& shared = *reinterpret_cast<SharedStorage<C>*>(raw);
  GroupTable& groups = *reinterpret_cast<GroupTable*>(raw + storage_bytes(C));
  // Blocks of the next kernel find room as ours end. They touch nothing before the last has ended.
  ptx::let_next_kernel_start();
  // Uniform over the warp, and known to the compiler as such.
  const int warp = __shfl_sync(0xffffffffu, static_cast<int>(threadIdx.x) / 32, 0);
  const int rank =
      cluster_size(C) == 1 ? 0 : __shfl_sync(0xffffffffu, static_cast<int>(ptx::cluster_rank()), 0);
  const int cluster_rank = multicast_size(C) == 1 ? 0 : rank % multicast_size(C);
  const int slice = C.split_k == 1 ? 0 : rank / multicast_size(C);

  // Made by each warp for itself, behind the fork: one made here would lie in registers of both.
  const auto first_tile = [&] {
    return TileOrder<C>(args, groups, blockIdx.x / cluster_size(C), cluster_rank);
  };
  if (warp == 0) {
    if (ptx::elect_one()) {
      ptx::prefetch_tensor_map(&maps.a);
#pragma unroll
      for (int i = 0; i < segments(C); ++i) ptx::prefetch_tensor_map(&maps.b[i]);
      ptx::prefetch_tensor_map(&maps.scale_a);
      ptx::prefetch_tensor_map(&maps.d);
      init_barriers<C>(shared);
    }
    __syncwarp();
  }
  // The cluster meets later, when its first loads are on their way.
  if constexpr (cluster_size(C) > 1) ptx::cluster_arrive();
  // All of the above may be done while the kernel before this one still runs, and nothing below: it
  // reads operands and writes D.
  ptx::wait_for_kernel_before();
  if constexpr (C.operation != kDense) fill_group_table<C>(groups, args);

  constexpr RegisterBudget kRegisters = register_budget(C);
  // A block's first loads need not wait for the math warps to get ready.
  constexpr int kReadyThreads = 32 + C.math_warpgroups * kWarpgroupThreads;
  if (warp >= 4) {
    if constexpr (cluster_size(C) == 1) {
      ptx::named_barrier_sync(kReadyBarrier, kReadyThreads);
    } else {
      ptx::cluster_wait();
    }
    if constexpr (kRegisters.reallocates) ptx::claim_registers<kRegisters.math>();
    multiply_tiles<C>(maps, args, first_tile(), shared, warp / 4 - 1, cluster_rank, slice);
    __syncwarp();
  } else {
    if constexpr (cluster_size(C) == 1) {
      if (warp == 0) ptx::named_barrier_arrive(kReadyBarrier, kReadyThreads);
    }
    if constexpr (kRegisters.reallocates) ptx::release_registers<kRegisters.producer>();
    if (warp == 0 && ptx::elect_one()) {
      const int k_blocks = ceil_div(args.k, kBlockK);
      load_tiles<C>(maps, args, first_tile(), shared, loaded_bytes(C, args.m),
                    slice_begin(C, k_blocks, slice), slice_begin(C, k_blocks, slice + 1),
                    cluster_rank, slice);
    } else if constexpr (cluster_size(C) > 1) {
      ptx::cluster_wait();
    }
    __syncwarp();
  }
}

}  // namespace deepgemm::kernels
