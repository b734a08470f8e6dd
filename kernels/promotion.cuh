// The second level of accumulation: 128 of k from the tensor core, scaled into fp32.
#pragma once

#include "kernels/config.h"
#include "kernels/ptx.cuh"

namespace deepgemm::kernels {

// Scales of B for the columns of one tile. The tile touches up to kBlocks scale blocks; column c
// belongs to block (n0 + c) / 128 - n0 / 128.
//
// Each lane keeps the scales of two out of 64 consecutive k-blocks. Loads are waited for at the
// first use of any of them, and one that misses L1 takes longer than a k-block is multiplied: so
// they come once in 64 k-blocks, and into the cache ahead of that.
template <GemmConfig C>
class TileScalesB {
 public:
  static constexpr int kBlocks = scale_blocks_per_tile(C);

  // For the k-blocks from k_begin on.
  __device__ __forceinline__ TileScalesB(const GemmArguments& args, int k_begin, int lane)
      : args_(args), lane_(lane), k_begin_(k_begin) {}

  // Starts on the tile of a group whose columns begin at n0.
  __device__ __forceinline__ void start_tile(int n0, int group) {
    n0_ = n0;
    first_row_ = group * ceil_div(args_.n, kScaleBlock);
    load(0);
  }

  // Scales of k-block k_begin + k_block; every lane calls it, for 0, 1, 2, … in turn.
  __device__ __forceinline__ void read(float (&scales)[kBlocks], int k_block) {
    if (k_block % kLanes == 0 && k_block > 0) {
      if (k_block % kHeld == 0) {
        load(k_block);
      } else {
#pragma unroll
        for (int i = 0; i < kBlocks; ++i) {
          ptx::prefetch(at(i, k_block + kLanes));
          ptx::prefetch(at(i, k_block + 2 * kLanes));
        }
      }
    }
#pragma unroll
    for (int i = 0; i < kBlocks; ++i) {
      const float mine = k_block % kHeld < kLanes ? first_[i] : second_[i];
      scales[i] = __shfl_sync(0xffffffffu, mine, k_block % kLanes);
    }
  }

  // Columns of the tile that lie in its first scale block, if it reaches beyond: 1 to 128.
  __device__ __forceinline__ int first_columns() const { return kScaleBlock - n0_ % kScaleBlock; }

 private:
  static constexpr int kLanes = 32;
  static constexpr int kHeld = 2 * kLanes;

  __device__ __forceinline__ void load(int k_block) {
#pragma unroll
    for (int i = 0; i < kBlocks; ++i) {
      first_[i] = __ldg(at(i, k_block));
      second_[i] = __ldg(at(i, k_block + kLanes));
    }
  }

  // Where the scale of scale block i lies that this lane keeps of the 32 k-blocks from `k_block`
  // on. Clamped: what lies outside is never used, or for columns that are never stored.
  __device__ __forceinline__ const float* at(int i, int k_block) const {
    const int k_blocks = ceil_div(args_.k, kBlockK);
    const int row = min(n0_ / kScaleBlock + i, ceil_div(args_.n, kScaleBlock) - 1);
    const int mine = min(k_begin_ + k_block + lane_, k_blocks - 1);
    return args_.scale_b + 1ll * (first_row_ + row) * k_blocks + mine;
  }

  const GemmArguments& args_;
  int lane_;
  int k_begin_;
  int n0_ = 0;
  int first_row_ = 0;  // of the group's scales
  float first_[kBlocks];
  float second_[kBlocks];
};

// Scales of one k-block for the two rows of D that a thread holds of a slab, one for each scale
// block of the tile: scale_a * scale_b.
template <GemmConfig C>
struct BlockScales {
  float upper[TileScalesB<C>::kBlocks];
  float lower[TileScalesB<C>::kBlocks];
};

// Scales of A for those two rows.
struct RowScales {
  float upper;
  float lower;
};

template <GemmConfig C>
__device__ __forceinline__ BlockScales<C> multiply_scales(
    RowScales a, const float (&b)[TileScalesB<C>::kBlocks]) {
  BlockScales<C> scales;
#pragma unroll
  for (int i = 0; i < TileScalesB<C>::kBlocks; ++i) {
    scales.upper[i] = __fmul_rn(a.upper, b[i]);
    scales.lower[i] = __fmul_rn(a.lower, b[i]);
  }
  return scales;
}

// Tiles start at multiples of this, and so do scale blocks within them.
constexpr int split_step(GemmConfig c) { return greatest_common_divisor(c.block_n, kScaleBlock); }

// Whether scale block `block` of the tile has begun at its column `column`, a multiple of
// split_step. Where the tile straddles none, that is known to the compiler.
template <GemmConfig C>
__device__ __forceinline__ bool has_begun(int block, int column, int first_columns) {
  const int reached = column - (block - 1) * kScaleBlock;
  if (reached < split_step(C)) return false;
  return reached >= kScaleBlock || reached >= first_columns;
}

// sum += (scale_a * scale_b) * partial. This and multiply_scales are the one place and the one
// order of this arithmetic: every config that does not split k therefore gives the same bits.
//
// Where scale blocks begin in the tile is known at run time only. So the columns are taken in
// pieces within which none begins, and each piece chooses its scales: two selections beside 4 to 64
// multiplications. Code for each place of the split would choose once, by jumps, and be more for an
// unrolled mainloop than the instruction caches hold: 5 % slower with 256x112, 15 % with 64x72.
template <GemmConfig C>
__device__ __forceinline__ void promote(float (&sum)[C.block_n / 2],
                                        const float (&partial)[C.block_n / 2],
                                        const BlockScales<C>& scales,
                                        const TileScalesB<C>& tile_scales) {
  constexpr int kPiece = split_step(C);
  const int first_columns = tile_scales.first_columns();
#pragma unroll
  for (int column = 0; column < C.block_n; column += kPiece) {
    float upper = scales.upper[0];
    float lower = scales.lower[0];
#pragma unroll
    for (int block = 1; block < TileScalesB<C>::kBlocks; ++block) {
      const bool begun = has_begun<C>(block, column, first_columns);
      upper = begun ? scales.upper[block] : upper;
      lower = begun ? scales.lower[block] : lower;
    }
#pragma unroll
    for (int g = column / 8; g < (column + kPiece) / 8; ++g) {
      sum[4 * g + 0] = __fmaf_rn(upper, partial[4 * g + 0], sum[4 * g + 0]);
      sum[4 * g + 1] = __fmaf_rn(upper, partial[4 * g + 1], sum[4 * g + 1]);
      sum[4 * g + 2] = __fmaf_rn(lower, partial[4 * g + 2], sum[4 * g + 2]);
      sum[4 * g + 3] = __fmaf_rn(lower, partial[4 * g + 3], sum[4 * g + 3]);
    }
  }
  // Nor may this arithmetic sink below the next wgmma, which overwrites `partial`.
  ptx::pin_registers(sum);
}

}  // namespace deepgemm::kernels
