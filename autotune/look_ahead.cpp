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

void LookAhead::begin(Order order) {
  if (plan_.valid()) plan_.wait();
  if (before_) *before_ = true;
  before_ = std::move(current_);
  current_ = std::make_shared<std::atomic<bool>>(false);
  order_ = std::move(order);
  plan_ = std::async(std::launch::async, [this, flag = current_] {
    const Order& wanted = order_;  // stays until the next one waited for this
    Plan plan = make_plan(wanted.problem, space_, wanted.device, wanted.draw);
    std::vector<core::GemmConfig> configs{wanted.fallback};
    for (const RankedCandidate& each : cut(plan.ranked, wanted.effort, true)) {
      if (each.config != wanted.fallback) configs.push_back(each.config);
    }
    std::erase_if(configs, [&](const core::GemmConfig& config) {
      return std::find(wanted.known.begin(), wanted.known.end(), config) != wanted.known.end();
    });
    pool_.anticipate(configs, flag);
    return plan;
  });
}

std::optional<Plan> LookAhead::take(const core::GemmProblem& problem,
                                    const core::DeviceInfo& device) {
  const bool same = plan_.valid() && order_.problem == problem &&
                    order_.device.memory_gbps == device.memory_gbps &&
                    order_.device.clock_mhz == device.clock_mhz;
  if (!same) return std::nullopt;
  return plan_.get();
}

}  // namespace deepgemm::autotune
