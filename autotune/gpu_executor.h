// The executor on a real GPU.
#pragma once

#include <memory>

#include "autotune/executor.h"

namespace deepgemm::autotune {

// Opens GPU `ordinal`. Throws EnvironmentError, with the next step, where there is no driver, no
// such GPU, the GPU is not sm_90, or cuBLASLt is missing.
// `environment_base` carries what this module cannot know: NVRTC version and sources hash.
std::unique_ptr<Executor> open_gpu(int ordinal, const core::Environment& environment_base);

}  // namespace deepgemm::autotune
