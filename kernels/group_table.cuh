// Which rows belong to which group of a grouped product: only the GPU knows.
#pragma once

#include "kernels/config.h"
#include "kernels/ptx.cuh"

namespace deepgemm::kernels {

// Grouped-contiguous: a group's rows lie together. Finds where each segment begins and ends by
// looking at every row's group and at its neighbours'. Rows whose group does not exist are padding;
// padding within a segment is computed, too, as it lies between the ends.
__device__ __forceinline__ void find_segments(GroupTable& table, const GemmArguments& args,
                                              int thread, int threads) {
  for (int g = thread; g < args.groups; g += threads) {
    table.first_row[g] = args.m;
    table.end_row[g] = 0;
  }
  __syncthreads();
  // Four rows at once with both neighbours, several times in flight: the kernel waits for this.
  constexpr int kRows = 4;
  const auto group_of = [&](int row) {
    return static_cast<uint32>(row) < static_cast<uint32>(args.m) ? args.rows[row] : -1;
  };
#pragma unroll 4
  for (int first = kRows * thread; first < args.m; first += kRows * threads) {
    int group[kRows + 2];
#pragma unroll
    for (int i = 0; i < kRows + 2; ++i) group[i] = group_of(first + i - 1);
#pragma unroll
    for (int i = 1; i <= kRows; ++i) {
      if (static_cast<uint32>(group[i]) >= static_cast<uint32>(args.groups)) continue;
      if (group[i] != group[i - 1]) atomicMin(&table.first_row[group[i]], first + i - 1);
      if (group[i] != group[i + 1]) atomicMax(&table.end_row[group[i]], first + i);
    }
  }
}

// Grouped-masked: the first rows of each group's part of A are used.
__device__ __forceinline__ void read_row_counts(GroupTable& table, const GemmArguments& args,
                                                int thread, int threads) {
  for (int g = thread; g < args.groups; g += threads) {
    table.first_row[g] = g * args.m;
    table.end_row[g] = g * args.m + min(max(args.rows[g], 0), args.m);
  }
}

// Numbers the tiles: those of group g are first_tile[g] to first_tile[g + 1]. One warp.
template <GemmConfig C>
__device__ __forceinline__ void number_tiles(GroupTable& table, const GemmArguments& args,
                                             int lane) {
  int counted = 0;
  for (int base = 0; base <= args.groups; base += 32) {
    const int g = base + lane;
    const int rows = g < args.groups ? max(table.end_row[g] - table.first_row[g], 0) : 0;
    const TileCount tiles = cluster_tiles(C, rows, args.n);
    int up_to = tiles.m * tiles.n;  // becomes the sum over the lanes up to this one
#pragma unroll
    for (int distance = 1; distance < 32; distance *= 2) {
      const int other = __shfl_up_sync(0xffffffffu, up_to, distance);
      if (lane >= distance) up_to += other;
    }
    if (g <= args.groups) table.first_tile[g] = counted + up_to - tiles.m * tiles.n;
    counted += __shfl_sync(0xffffffffu, up_to, 31);
  }
}

// Every thread of the block calls it.
template <GemmConfig C>
__device__ __forceinline__ void fill_group_table(GroupTable& table, const GemmArguments& args) {
  const int thread = static_cast<int>(threadIdx.x);
  if constexpr (C.operation == kGroupedContiguous) {
    find_segments(table, args, thread, block_threads(C));
  } else {
    read_row_counts(table, args, thread, block_threads(C));
  }
  __syncthreads();
  if (thread < 32) number_tiles<C>(table, args, thread);
  __syncthreads();
}

}  // namespace deepgemm::kernels
