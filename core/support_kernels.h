// The kernels that tuner and benchmark need beside the product itself: those of
// kernels/verification.cu and kernels/stream_floor.cu, compiled and loaded.
#pragma once

#include <memory>
#include <string>

#include "core/module.h"

namespace deepgemm::core {

// Compiles with NVRTC and loads into the current context. Throws EnvironmentError.
std::unique_ptr<Module> load_support_kernels();

}  // namespace deepgemm::core
