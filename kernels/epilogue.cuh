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

// Stores the boxes of stage_boxes at row m and column n of D. One thread calls it.
template <GemmConfig C>
__device__ __forceinline__ void store_boxes_from(const unsigned short* boxes,
                                                 const TensorMap* map_d, int m, int n) {
#pragma unroll
  for (int box = 0; box < boxes_per_store(C); ++box) {
    ptx::tma_store(map_d, boxes + box * store_box_bytes(C) / 2, n + box * store_box_n(C), m);
  }
  ptx::tma_store_commit();
}

// Stores what lies before row m_end and inside D of a slab's groups of 8 columns from `first` to
// `end`, straight from registers.
template <GemmConfig C>
__device__ __forceinline__ void store_slab_predicated(const float (&accumulator)[C.block_n / 2],
                                                      const GemmArguments& args, int m, int m_end,
                                                      int n0, int warp, int lane, int first,
                                                      int end) {
  const int row = m + warp * 16 + lane / 4;
  const int column = n0 + lane % 4 * 2;
  auto* const at = reinterpret_cast<uint32*>(args.d + 1ll * row * args.n + column);
  auto* const below = reinterpret_cast<uint32*>(args.d + 1ll * (row + 8) * args.n + column);
#pragma unroll
  for (int g = first; g < end; ++g) {
    const float* v = accumulator + 4 * g;
    // n is a multiple of 8: eight columns lie inside D or outside, never astride.
    if (n0 + g * 8 >= args.n) break;
    if (row < m_end) at[4 * g] = ptx::pack_bf16(v[0], v[1]);
    if (row + 8 < m_end) below[4 * g] = ptx::pack_bf16(v[2], v[3]);
  }
}

}  // namespace deepgemm::kernels
