// The second level of accumulation: 128 of k from the tensor core, scaled into fp32.
#pragma once

#include "kernels/config.h"
#include "kernels/ptx.cuh"
#include "kernels/tile_order.cuh"

namespace deepgemm::kernels {

// Scales of B for the columns of one tile, one for each of its segments.
//
// Each lane keeps the scales of two out of 64 consecutive k-blocks. Loads are waited for at the
// first use of any of them, and one that misses L1 takes longer than a k-block is multiplied: so
// they come once in 64 k-blocks, and into the cache ahead of that.
template <GemmConfig C>
class TileScalesB {
 public:
  static constexpr int kSegments = segments(C);

  // For the k-blocks from k_begin on.
  __device__ __forceinline__ TileScalesB(const GemmArguments& args, int k_begin, int lane)
      : args_(args), lane_(lane), k_begin_(k_begin) {}

  // Starts on a tile of a group.
  __device__ __forceinline__ void start_tile(TileColumns<C> columns, int group) {
    columns_ = columns;
    first_row_ = group * ceil_div(args_.n, kScaleBlock);
    load(0);
  }

  // Scales of k-block k_begin + k_block; every lane calls it, for 0, 1, 2, … in turn.
  __device__ __forceinline__ void read(float (&scales)[kSegments], int k_block) {
    if (k_block % kLanes == 0 && k_block > 0) {
      if (k_block % kHeld == 0) {
        load(k_block);
      } else {
#pragma unroll
        for (int i = 0; i < kSegments; ++i) {
          ptx::prefetch(at(i, k_block + kLanes));
          ptx::prefetch(at(i, k_block + 2 * kLanes));
        }
      }
    }
#pragma unroll
    for (int i = 0; i < kSegments; ++i) {
      const float mine = k_block % kHeld < kLanes ? first_[i] : second_[i];
      scales[i] = __shfl_sync(0xffffffffu, mine, k_block % kLanes);
    }
  }

 private:
  static constexpr int kLanes = 32;
  static constexpr int kHeld = 2 * kLanes;

  __device__ __forceinline__ void load(int k_block) {
#pragma unroll
    for (int i = 0; i < kSegments; ++i) {
      first_[i] = *at(i, k_block);
      second_[i] = *at(i, k_block + kLanes);
    }
  }

  // Where the scale of segment i lies that this lane keeps of the 32 k-blocks from `k_block` on.
  // Clamped: what lies outside is never used, or for columns that are never stored.
  __device__ __forceinline__ const float* at(int i, int k_block) const {
    const int k_blocks = ceil_div(args_.k, kBlockK);
    const int row = min(columns_.segment(i) / kScaleBlock, ceil_div(args_.n, kScaleBlock) - 1);
    const int mine = min(k_begin_ + k_block + lane_, k_blocks - 1);
    return args_.scale_b + 1ll * (first_row_ + row) * k_blocks + mine;
  }

  const GemmArguments& args_;
  int lane_;
  int k_begin_;
  TileColumns<C> columns_{};
  int first_row_ = 0;  // of the group's scales
  float first_[kSegments];
  float second_[kSegments];
};

// Scales of one k-block for the two rows of D that a thread holds of a slab, one for each segment
// of the tile: scale_a * scale_b.
template <GemmConfig C>
struct BlockScales {
  float upper[TileScalesB<C>::kSegments];
  float lower[TileScalesB<C>::kSegments];
};

// Scales of A for those two rows.
struct RowScales {
  float upper;
  float lower;
};

template <GemmConfig C>
__device__ __forceinline__ BlockScales<C> multiply_scales(
    RowScales a, const float (&b)[TileScalesB<C>::kSegments]) {
  BlockScales<C> scales;
#pragma unroll
  for (int i = 0; i < TileScalesB<C>::kSegments; ++i) {
    scales.upper[i] = __fmul_rn(a.upper, b[i]);
    scales.lower[i] = __fmul_rn(a.lower, b[i]);
  }
  return scales;
}

// sum += (scale_a * scale_b) * partial. This and multiply_scales are the one place and the one
// order of this arithmetic: every config that does not split k therefore gives the same bits.
template <GemmConfig C>
__device__ __forceinline__ void promote(float (&sum)[C.block_n / 2],
                                        const float (&partial)[C.block_n / 2],
                                        const BlockScales<C>& scales) {
#pragma unroll
  for (int g = 0; g < C.block_n / 8; ++g) {
    const float upper = scales.upper[segment_of(C, 8 * g)];
    const float lower = scales.lower[segment_of(C, 8 * g)];
    sum[4 * g + 0] = __fmaf_rn(upper, partial[4 * g + 0], sum[4 * g + 0]);
    sum[4 * g + 1] = __fmaf_rn(upper, partial[4 * g + 1], sum[4 * g + 1]);
    sum[4 * g + 2] = __fmaf_rn(lower, partial[4 * g + 2], sum[4 * g + 2]);
    sum[4 * g + 3] = __fmaf_rn(lower, partial[4 * g + 3], sum[4 * g + 3]);
  }
  // Nor may this arithmetic sink below the next wgmma, which overwrites `partial`.
  ptx::pin_registers(sum);
}

}  // namespace deepgemm::kernels
