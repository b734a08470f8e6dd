// Text of the wgmma wrapper for one tile width.
#pragma once

#include <string>

namespace deepgemm::kernels {

// CUDA source that declares, in deepgemm::kernels,
//   void wgmma(float (&d)[block_n / 2], uint32 a, uint32 b, bool accumulate)
// where a and b are lower words of descriptors (ptx::wgmma_descriptor), over wgmma.mma_async
// m64n<block_n>k32 for e4m3 x e4m3 into fp32. The instruction names each of its block_n / 2
// registers, so one text per width is written instead of 32 overloads. block_n: a multiple of 8
// from 8 to 256.
std::string wgmma_source(int block_n);

}  // namespace deepgemm::kernels
