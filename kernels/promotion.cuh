// The second level of accumulation: 128 of k from the tensor core, scaled into fp32.
#pragma once

#include "kernels/config.h"
#include "kernels/ptx.cuh"

namespace deepgemm::kernels {

// Scales of B for the columns of one tile. The tile touches up to kBlocks scale blocks; column c
// belongs to block (n0 + c) / 128 - n0 / 128.
template <GemmConfig C>
class TileScalesB {
 public:
  static constexpr int kBlocks = scale_blocks_per_tile(C);

  __device__ __forceinline__ TileScalesB(const DenseArguments& args, int n0)
      : k_blocks_(ceil_div(args.k, kBlockK)), first_columns_(kScaleBlock - n0 % kScaleBlock) {
    const int last_block = ceil_div(args.n, kScaleBlock) - 1;
#pragma unroll
    for (int i = 0; i < kBlocks; ++i) {
      // Clamped: the last tile may reach past n, its columns there are never stored.
      rows_[i] = args.scale_b + 1ll * min(n0 / kScaleBlock + i, last_block) * k_blocks_;
    }
  }

  __device__ __forceinline__ float at(int i, int k_block) const { return __ldg(rows_[i] + k_block); }

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
  int k_blocks_;
  int first_columns_;
  const float* rows_[kBlocks];
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
}

}  // namespace deepgemm::kernels
