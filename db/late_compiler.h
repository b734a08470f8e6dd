// The compiler of a process that may never need one.
#pragma once

#include <functional>

#include "core/kernel_builder.h"

namespace deepgemm::db {

// Opens NVRTC when it is first called, one call at a time. Kernels are kept in
// core::default_cache_folder(), and nowhere where that cannot be used. Throws EnvironmentError
// where there is no NVRTC.
std::function<core::BuildResult(const core::GemmConfig&)> late_compiler();

}  // namespace deepgemm::db
