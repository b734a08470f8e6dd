// What runs a problem when nothing was tuned for it.
#pragma once

#include "core/config.h"
#include "core/device.h"
#include "core/problem.h"

namespace deepgemm::core {

// The most accumulator registers (kernels::accumulator_registers) of a math thread that compile
// without spills; measured with ptxas 13.0 over all widths. math_warpgroups: 1, 2 or 3.
int spill_free_accumulators(int math_warpgroups);

// A legal config for any legal problem, by a formula: the tile that needs the fewest waves of
// blocks, then the best filled last wave, then the least traffic; as many stages as fit. It is
// the opponent that every tuned winner must beat beyond the noise.
GemmConfig default_config(const GemmProblem& problem, const DeviceInfo& device);

}  // namespace deepgemm::core
