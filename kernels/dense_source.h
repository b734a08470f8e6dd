// The one translation unit that NVRTC compiles for a dense config.
#pragma once

#include <string>

#include "kernels/config.h"

namespace deepgemm::kernels {

// Name of the kernel in the cubin. It stands for how the host launches it: whoever changes the
// kernel's parameters, the boxes of its tensor maps, the layout of its shared memory or what it
// promises of the kernel before it changes the name, and kernels of another name are passed over.
inline constexpr const char* kDenseEntry = "deepgemm_fp8_3";

// Text that instantiates kernels/dense.cuh for `config`. Its headers are those of
// embedded_sources() and wgmma_source() under the name kernels/wgmma.cuh.
std::string dense_source(const GemmConfig& config);

}  // namespace deepgemm::kernels
