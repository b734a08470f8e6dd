#include "autotune/look_ahead.h"

#include <algorithm>

#include "autotune/lineup.h"

namespace deepgemm::autotune {

LookAhead::~LookAhead() {
  if (plan_.valid()) plan_.wait();
  for (const Flag& each : {before_, current_}) {
    if (each) *each = true;
  }
}

void LookAhead::begin(const core::GemmProblem& problem, const core::DeviceInfo& device,
                      Effort effort, const core::GemmConfig& fallback,
                      std::vector<core::GemmConfig> known) {
  if (plan_.valid()) plan_.wait();
  if (before_) *before_ = true;
  before_ = std::move(current_);
  current_ = std::make_shared<std::atomic<bool>>(false);
  problem_ = problem;
  memory_gbps_ = device.memory_gbps;
  clock_mhz_ = device.clock_mhz;
  plan_ = std::async(std::launch::async, [=, this, flag = current_, known = std::move(known)] {
    Plan plan = make_plan(problem, space_, device);
    std::vector<core::GemmConfig> configs{fallback};
    for (const RankedCandidate& each : cut(plan.ranked, effort, true)) {
      if (each.config != fallback) configs.push_back(each.config);
    }
    std::erase_if(configs, [&](const core::GemmConfig& config) {
      return std::find(known.begin(), known.end(), config) != known.end();
    });
    pool_.anticipate(configs, flag);
    return plan;
  });
}

std::optional<Plan> LookAhead::take(const core::GemmProblem& problem,
                                    const core::DeviceInfo& device) {
  const bool same = plan_.valid() && problem_ == problem && memory_gbps_ == device.memory_gbps &&
                    clock_mhz_ == device.clock_mhz;
  if (!same) return std::nullopt;
  return plan_.get();
}

}  // namespace deepgemm::autotune
