// The kernels of kernels/verification.cu, compiled and loaded.
#pragma once

#include <memory>
#include <string>

#include "core/module.h"

namespace deepgemm::core {

// Compiles with NVRTC and loads into the current context. Throws EnvironmentError.
std::unique_ptr<Module> load_verification_kernels();

}  // namespace deepgemm::core
