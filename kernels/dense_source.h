// The one translation unit that NVRTC compiles for a dense config.
#pragma once

#include <string>

#include "kernels/config.h"

namespace deepgemm::kernels {

// Name of the kernel in the cubin.
inline constexpr const char* kDenseEntry = "deepgemm_dense";

// Text that instantiates kernels/dense.cuh for `config`. Its headers are those of
// embedded_sources() and wgmma_source() under the name kernels/wgmma.cuh.
std::string dense_source(const GemmConfig& config);

}  // namespace deepgemm::kernels
