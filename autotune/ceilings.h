// What this GPU can do at best, measured in the run whose times are held against it.
#pragma once

#include <atomic>

#include "autotune/executor.h"

namespace deepgemm::autotune {

// The highest rate in TFLOP/s that cuBLASLt's e4m3 product with one scale per tensor and fast
// accumulation reaches on 4096x4096x4096, 8192x8192x8192 and 4096x7168x16384: the datasheet's is
// not reachable, because the power cap lowers the clocks first. 0 where cuBLASLt refuses or memory
// does not suffice for any of them. `rounds`: samples of each. Throws Interrupted.
double measure_tensor_rate(Executor& executor, int rounds, const std::atomic<bool>& stop);

// Time under which no kernel for `problem` can get: what its bytes take (`floor_us`, the memory
// floor's time) or what its flops take at `tensor_tflops`, whichever is longer. 0 where either is
// not known. `draw`: the rows that were measured.
double limit_us(const core::GemmProblem& problem, const core::GroupDraw& draw, double floor_us,
                double tensor_tflops);

}  // namespace deepgemm::autotune
