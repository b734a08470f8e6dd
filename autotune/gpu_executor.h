// The executor on a real GPU.
#pragma once

#include <memory>
#include <vector>

#include "autotune/executor.h"

namespace deepgemm::autotune {

// When the timer is made, which needs CUPTI for itself: at once, so that its lack shows before any
// work is done, or by the first measurement, so that kernels can be verified under a tool that
// holds CUPTI, such as compute-sanitizer.
enum class Timing { kNow, kWhenNeeded };

// What open_gpu would find, without a context on the GPU. Throws EnvironmentError, with the next
// step, where there is no driver, no such GPU, the GPU is not sm_90, or cuBLASLt is missing.
GpuIdentity identify_gpu(int ordinal, const core::Environment& environment_base);

// Loads and starts what open_gpu needs of the machine, which takes some tenths of a second, and no
// memory of a GPU. What is missing shows when a GPU is opened.
void load_gpu_libraries() noexcept;

// Opens GPU `ordinal`. Throws EnvironmentError, with the next step, where there is no driver, no
// such GPU, the GPU is not sm_90, or cuBLASLt or (for Timing::kNow) CUPTI is missing.
// `environment_base` carries what this module cannot know: NVRTC version and sources hash.
std::unique_ptr<Executor> open_gpu(int ordinal, const core::Environment& environment_base,
                                   Timing timing = Timing::kNow);

// Device time of the empty kernel, `samples` times, taken as any other sample; about 1 us on every
// Hopper GPU, so a check of the timer. `executor` must come from open_gpu.
std::vector<double> sample_empty_kernel(Executor& executor, int samples);

}  // namespace deepgemm::autotune
