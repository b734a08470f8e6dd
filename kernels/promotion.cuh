// The second level of accumulation: 128 of k from the tensor core, scaled into fp32.
#pragma once

#include "kernels/config.h"
#include "kernels/ptx.cuh"

namespace deepgemm::kernels {

// Scales of B for the columns of one tile. The tile touches up to kBlocks scale blocks; column c
// belongs to block (n0 + c) / 128 - n0 / 128.
//
// Each lane keeps the scale of one of 32 consecutive k-blocks, fetched 32 k-blocks ahead: a load
// that misses L1 takes longer than a k-block is multiplied, and would stall the tensor core.
template <GemmConfig C>
class TileScalesB {
 public:
  static constexpr int kBlocks = scale_blocks_per_tile(C);
  static constexpr int kLanes = 32;

  __device__ __forceinline__ TileScalesB(const DenseArguments& args, int n0, int lane)
      : k_blocks_(ceil_div(args.k, kBlockK)),
        lane_(lane),
        first_columns_(kScaleBlock - n0 % kScaleBlock) {
    const int last_block = ceil_div(args.n, kScaleBlock) - 1;
#pragma unroll
    for (int i = 0; i < kBlocks; ++i) {
      // Clamped: the last tile may reach past n, its columns there are never stored.
      rows_[i] = args.scale_b + 1ll * min(n0 / kScaleBlock + i, last_block) * k_blocks_;
      held_[i] = fetch(i, 0);
      ahead_[i] = fetch(i, kLanes);
    }
  }

  // Scales of `k_block`; every lane of the warp calls it, for 0, 1, 2, … in turn.
  __device__ __forceinline__ void read(float (&scales)[kBlocks], int k_block) {
    if (k_block % kLanes == 0 && k_block > 0) {
#pragma unroll
      for (int i = 0; i < kBlocks; ++i) {
        held_[i] = ahead_[i];
        ahead_[i] = fetch(i, k_block + kLanes);
      }
    }
#pragma unroll
    for (int i = 0; i < kBlocks; ++i) {
      scales[i] = __shfl_sync(0xffffffffu, held_[i], k_block % kLanes);
    }
  }

  // Scale block, counted from the tile's first, of the 8 columns from `column` on.
  __device__ __forceinline__ int block_of(int column) const {
    if constexpr (kBlocks == 1) {
      return 0;
    } else if constexpr (kBlocks == 2) {
      return column >= first_columns_ ? 1 : 0;
    } else {
      return column < first_columns_ ? 0 : column < first_columns_ + kScaleBlock ? 1 : 2;
    }
  }

 private:
  // This lane's scale of scale block i among the 32 k-blocks from `k_block` on.
  __device__ __forceinline__ float fetch(int i, int k_block) const {
    const int mine = k_block + lane_;
    return mine < k_blocks_ ? __ldg(rows_[i] + mine) : 0.0f;
  }

  int k_blocks_;
  int lane_;
  int first_columns_;
  const float* rows_[kBlocks];
  float held_[kBlocks];
  float ahead_[kBlocks];
};

// Scales of one k-block, held by one thread: two rows of A, the tile's blocks of B.
template <GemmConfig C>
struct BlockScales {
  float a[2];
  float b[TileScalesB<C>::kBlocks];
};

// sum += (scale_a * scale_b) * partial. This is the one place and the one order of this
// arithmetic: every config that does not split k therefore gives the same bits.
template <GemmConfig C>
__device__ __forceinline__ void promote(float (&sum)[C.block_n / 2],
                                        const float (&partial)[C.block_n / 2],
                                        const BlockScales<C>& scales,
                                        const TileScalesB<C>& tile_scales) {
  constexpr int kBlocks = TileScalesB<C>::kBlocks;
  float upper[kBlocks];
  float lower[kBlocks];
#pragma unroll
  for (int i = 0; i < kBlocks; ++i) {
    upper[i] = __fmul_rn(scales.a[0], scales.b[i]);
    lower[i] = __fmul_rn(scales.a[1], scales.b[i]);
  }
#pragma unroll
  for (int g = 0; g < C.block_n / 8; ++g) {
    const int block = tile_scales.block_of(g * 8);
    float up = upper[0];
    float low = lower[0];
#pragma unroll
    for (int i = 1; i < kBlocks; ++i) {
      up = block == i ? upper[i] : up;
      low = block == i ? lower[i] : low;
    }
    sum[4 * g + 0] = __fmaf_rn(up, partial[4 * g + 0], sum[4 * g + 0]);
    sum[4 * g + 1] = __fmaf_rn(up, partial[4 * g + 1], sum[4 * g + 1]);
    sum[4 * g + 2] = __fmaf_rn(low, partial[4 * g + 2], sum[4 * g + 2]);
    sum[4 * g + 3] = __fmaf_rn(low, partial[4 * g + 3], sum[4 * g + 3]);
  }
  // Nor may this arithmetic sink below the next wgmma, which overwrites `partial`.
  ptx::pin_registers(sum);
}

}  // namespace deepgemm::kernels
