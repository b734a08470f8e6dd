// Shorthand of the autotune tests.
#pragma once

#include <string>

#include "autotune/search_space.h"
#include "autotune/statistics.h"
#include "core/device.h"
#include "core/problem.h"
#include "core/trial.h"

namespace deepgemm::autotune {

inline core::GemmProblem shape(std::int64_t m, std::int64_t n, std::int64_t k) {
  core::GemmProblem problem;
  problem.m = m;
  problem.n = n;
  problem.k = k;
  return problem;
}

inline const core::DeviceInfo& h100() { return *core::find_device_profile("h100-sxm5"); }

// `count` samples around a median, evenly from -half_width to +half_width.
inline core::Measurement measured(double median_us, double half_width = 0, int count = 21) {
  std::vector<double> samples;
  for (int i = 0; i < count; ++i) {
    samples.push_back(median_us + half_width * (2.0 * i / (count - 1) - 1));
  }
  return summarise(std::move(samples));
}

// Name of the first rule that rejects a config; empty if none does.
inline std::string rejecting_rule(const Work& work, std::string_view config,
                                  const core::DeviceInfo& device = h100()) {
  for (const Rule& rule : dense_rules()) {
    if (rule.rejects(work, core::parse_config(config), device)) return std::string(rule.name);
  }
  return "";
}

}  // namespace deepgemm::autotune
