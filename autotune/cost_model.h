// Predicts the time of a config on a problem, and explains its number.
#pragma once

#include <cstdint>
#include <vector>

#include "core/config.h"
#include "core/device.h"
#include "core/problem.h"

namespace deepgemm::autotune {

// The parts of a prediction, microseconds unless said otherwise. total_us is what ranks.
struct Prediction {
  double total_us = 0;
  double launch_us = 0;    // empty kernel, prologue, first fill of the pipeline
  double memory_us = 0;    // compulsory device-memory traffic
  double l2_us = 0;        // traffic between L2 and the blocks, after multicast
  double math_us = 0;      // tensor cores and promotion, of the busiest block
  double epilogue_us = 0;  // what of the stores is not hidden
  int tiles = 0;           // blocks' worth of work
  int blocks = 0;          // blocks launched
  int waves = 0;           // ceil(tiles / blocks)
  double occupancy = 0;    // tiles / (waves * blocks): how full the waves are
};

class CostModel {
 public:
  // `rows`: of each group of a grouped problem; empty: as they may be expected of it.
  explicit CostModel(const core::DeviceInfo& device, std::vector<std::int64_t> rows = {});
  Prediction predict(const core::GemmProblem& problem, const core::GemmConfig& config) const;

 private:
  core::DeviceInfo device_;
  std::vector<std::int64_t> rows_;
};

}  // namespace deepgemm::autotune
