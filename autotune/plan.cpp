#include <algorithm>

#include "autotune/search_space.h"

namespace deepgemm::autotune {
namespace {

// Fixed values stay as the user said: only laws may overrule them.
std::vector<std::size_t> applicable(std::span<const Rule> rules, const SearchSpace& space) {
  std::vector<std::size_t> indices;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (rules[i].taste.empty() || !space.is_fixed(rules[i].taste)) indices.push_back(i);
  }
  return indices;
}

bool ranks_before(const RankedCandidate& a, const RankedCandidate& b) {
  if (a.prediction.total_us != b.prediction.total_us) {
    return a.prediction.total_us < b.prediction.total_us;
  }
  return core::ordered_before(a.config, b.config);
}

}  // namespace

Plan make_plan(const core::GemmProblem& problem, const SearchSpace& space,
               const core::DeviceInfo& device) {
  const std::span<const Rule> rules = dense_rules();
  const std::vector<std::size_t> asked = applicable(rules, space);
  const CostModel model(device);

  Plan plan;
  for (const Rule& rule : rules) plan.rejected.emplace_back(&rule, 0);
  space.for_each([&](const core::GemmConfig& config) {
    ++plan.enumerated;
    const auto broken = core::broken_limit(config, device.shared_bytes_per_block);
    const auto rejecting = std::find_if(asked.begin(), asked.end(), [&](std::size_t i) {
      const Rule& rule = rules[i];
      return rule.limit ? broken == rule.limit : rule.rejects(problem, config, device);
    });
    if (rejecting != asked.end()) {
      ++plan.rejected[*rejecting].second;
    } else {
      plan.ranked.push_back({config, model.predict(problem, config)});
    }
  });
  std::sort(plan.ranked.begin(), plan.ranked.end(), ranks_before);
  return plan;
}

}  // namespace deepgemm::autotune
