// From promoted fp32 accumulators to bf16 in device memory.
#pragma once

#include "kernels/config.h"
#include "kernels/ptx.cuh"
#include "kernels/tile_order.cuh"

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

// Writes some of a slab's boxes, from `first_box` on, to shared memory. `accumulator` is in wgmma's
// layout: lane/4 is the row, 4 values per 8 columns (two columns of that row, two of the row 8
// below).
template <GemmConfig C>
__device__ __forceinline__ void stage_boxes(const float (&accumulator)[C.block_n / 2],
                                            int first_box, unsigned short* boxes, int warp,
                                            int lane) {
  constexpr int kBoxN = store_box_n(C);
  constexpr int kGroups = boxes_per_store(C) * kBoxN / 8;
  // Kept from tile to tile, these addresses spare 1 to 6 % of a product of short k. Three
  // warpgroups have no registers to keep them in: 192x128 would spill.
  if constexpr (C.math_warpgroups == 3) asm volatile("" : "+r"(lane));
  const int row = warp * 16 + lane % 16;
  const uint32 base = ptx::shared_address(boxes);
  const auto address = [&](int group) {
    return base + group * 8 / kBoxN * store_box_bytes(C) +
           swizzled_offset<kBoxN>(row, group % (kBoxN / 8));
  };
  const float* const first = accumulator + first_box * kBoxN / 2;
#pragma unroll
  for (int g = 0; g + 1 < kGroups; g += 2) {
    const float* v = first + 4 * g;
    ptx::stmatrix_x4(address(g + lane / 16), ptx::pack_bf16(v[0], v[1]), ptx::pack_bf16(v[2], v[3]),
                     ptx::pack_bf16(v[4], v[5]), ptx::pack_bf16(v[6], v[7]));
  }
  if constexpr (kGroups % 2 == 1) {
    const float* v = first + 4 * (kGroups - 1);
    ptx::stmatrix_x2(address(kGroups - 1), ptx::pack_bf16(v[0], v[1]), ptx::pack_bf16(v[2], v[3]));
  }
}

// Stores the boxes of stage_boxes from row m of D on. One thread calls it.
template <GemmConfig C>
__device__ __forceinline__ void store_boxes_from(const unsigned short* boxes, int first_box,
                                                 const TensorMap& map_d, int m,
                                                 const TileColumns<C>& columns) {
  // No box lies in two segments: it is no wider than the narrowest of them.
#pragma unroll
  for (int box = 0; box < boxes_per_store(C); ++box) {
    const int n = columns.at((first_box + box) * store_box_n(C));
    ptx::tma_store(&map_d, boxes + box * store_box_bytes(C) / 2, n, m);
  }
  ptx::tma_store_commit();
}

// Stores what lies before row m_end and inside D of a slab's groups of 8 columns from `first` to
// `end`, straight from registers.
template <GemmConfig C>
__device__ __forceinline__ void store_slab_predicated(const float (&accumulator)[C.block_n / 2],
                                                      const GemmArguments& args, int m, int m_end,
                                                      const TileColumns<C>& columns, int warp,
                                                      int lane, int first, int end) {
  const int row = m + warp * 16 + lane / 4;
  auto* const at = reinterpret_cast<uint32*>(args.d + 1ll * row * args.n) + lane % 4;
  auto* const below = reinterpret_cast<uint32*>(args.d + 1ll * (row + 8) * args.n) + lane % 4;
#pragma unroll
  for (int g = first; g < end; ++g) {
    const float* v = accumulator + 4 * g;
    // n is a multiple of 8: eight columns lie inside D or outside, never astride.
    const int column = columns.at(8 * g);
    if (column >= args.n) break;
    if (row < m_end) at[column / 2] = ptx::pack_bf16(v[0], v[1]);
    if (row + 8 < m_end) below[column / 2] = ptx::pack_bf16(v[2], v[3]);
  }
}

}  // namespace deepgemm::kernels
