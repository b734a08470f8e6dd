// From promoted fp32 accumulators to bf16 in device memory.
#pragma once

#include "kernels/config.h"
#include "kernels/ptx.cuh"

namespace deepgemm::kernels {

// Byte offset of the 16-byte piece (8 columns) of a row in one store box's shared memory, in the
// TMA swizzle as wide as the box: the row number is mixed into the piece number, so that eight
// rows of one piece fall into eight different bank groups.
template <int kBoxN>
__device__ __forceinline__ uint32 swizzled_offset(int row, int piece) {
  constexpr int kPieces = kBoxN / 8;
  const int mixed = piece ^ ((row * kPieces / 8) % kPieces);
  return (row * kPieces + mixed) * 16;
}

// Writes the 64 x block_n slab of one warpgroup to its place in the shared tile.
// `accumulator` is in wgmma's layout: lane/4 is the row, 4 values per 8 columns (two columns of
// that row, two of the row 8 below).
template <GemmConfig C>
__device__ __forceinline__ void stage_slab(const float (&accumulator)[C.block_n / 2],
                                           unsigned short* tile, int slab, int warp, int lane) {
  constexpr int kBoxN = store_box_n(C);
  constexpr int kGroups = C.block_n / 8;
  const int row = slab * kWgmmaM + warp * 16 + lane % 16;
  const uint32 base = ptx::shared_address(tile);
  const auto address = [&](int group) {
    return base + group * 8 / kBoxN * (C.block_m * kBoxN * 2) +
           swizzled_offset<kBoxN>(row, group % (kBoxN / 8));
  };
#pragma unroll
  for (int g = 0; g + 1 < kGroups; g += 2) {
    const float* v = accumulator + 4 * g;
    ptx::stmatrix_x4(address(g + lane / 16), ptx::pack_bf16(v[0], v[1]), ptx::pack_bf16(v[2], v[3]),
                     ptx::pack_bf16(v[4], v[5]), ptx::pack_bf16(v[6], v[7]));
  }
  if constexpr (kGroups % 2 == 1) {
    const float* v = accumulator + 4 * (kGroups - 1);
    ptx::stmatrix_x2(address(kGroups - 1), ptx::pack_bf16(v[0], v[1]), ptx::pack_bf16(v[2], v[3]));
  }
}

// Stores a staged slab with one TMA box per store_box_n columns. One thread calls it.
template <GemmConfig C>
__device__ __forceinline__ void store_slab(const TensorMap* map_d, const unsigned short* tile,
                                           int slab, int m0, int n0) {
  constexpr int kBoxN = store_box_n(C);
#pragma unroll
  for (int box = 0; box < C.block_n / kBoxN; ++box) {
    ptx::tma_store(map_d, tile + (box * C.block_m + slab * kWgmmaM) * kBoxN, n0 + box * kBoxN,
                   m0 + slab * kWgmmaM);
  }
  ptx::tma_store_commit();
}

// Stores what lies inside D of a slab that crosses its edge, straight from registers.
template <GemmConfig C>
__device__ __forceinline__ void store_slab_predicated(const float (&accumulator)[C.block_n / 2],
                                                      const DenseArguments& args, int slab, int m0,
                                                      int n0, int warp, int lane) {
  const int row = m0 + slab * kWgmmaM + warp * 16 + lane / 4;
  const int column = n0 + lane % 4 * 2;
  auto* const at = reinterpret_cast<uint32*>(args.d + 1ll * row * args.n + column);
  auto* const below = reinterpret_cast<uint32*>(args.d + 1ll * (row + 8) * args.n + column);
#pragma unroll
  for (int g = 0; g < C.block_n / 8; ++g) {
    const float* v = accumulator + 4 * g;
    // n is a multiple of 8: eight columns lie inside D or outside, never astride.
    if (n0 + g * 8 >= args.n) break;
    if (row < args.m) at[4 * g] = ptx::pack_bf16(v[0], v[1]);
    if (row + 8 < args.m) below[4 * g] = ptx::pack_bf16(v[2], v[3]);
  }
}

}  // namespace deepgemm::kernels
