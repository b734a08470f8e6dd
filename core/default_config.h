// What runs a problem when nothing was tuned for it.
#pragma once

#include "core/config.h"
#include "core/device.h"
#include "core/problem.h"

namespace deepgemm::core {

// A legal config for any legal problem, by a formula: the tile that needs the fewest waves of
// blocks (of groups, which have edges: whose waves take the fewest clocks), then the best filled
// last wave, then the least traffic, as many stages as fit; where that leaves most of the GPU idle,
// a cluster for each tile, which splits k. It is the opponent on which every tuned winner must gain
// (autotune/statistics.h: kGainShare).
GemmConfig default_config(const GemmProblem& problem, const DeviceInfo& device);

// One config that runs every legal problem of an operation on every Hopper GPU: no cluster, so that
// any part of a GPU will do, and a tile in the middle between decoding and prefill. It is what an
// export bundle falls back to.
GemmConfig fallback_config(Operation operation);

}  // namespace deepgemm::core
