#include <algorithm>

#include "autotune/interrupt.h"
#include "autotune/search_space.h"

namespace deepgemm::autotune {
namespace {

// Rules that look at the problem. Fixed values stay as the user said: only laws may overrule them.
std::vector<std::size_t> applicable(std::span<const Rule> rules, const SearchSpace& space) {
  std::vector<std::size_t> indices;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (!rules[i].taste.empty() && !space.is_fixed(rules[i].taste)) indices.push_back(i);
  }
  return indices;
}

// The first rule without taste that rejects a config; nullopt where none does.
std::optional<std::size_t> broken_law(std::span<const Rule> rules, const core::GemmConfig& config,
                                      const core::DeviceInfo& device, core::Operation operation) {
  const auto broken = core::broken_limit(config, device.shared_bytes_per_block);
  const Work no_shape = core::GemmProblem{.operation = operation};
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const Rule& rule = rules[i];
    if (!rule.taste.empty()) continue;
    if (rule.limit ? broken == rule.limit : rule.rejects(no_shape, config, device)) return i;
  }
  return std::nullopt;
}

bool ranks_before(const RankedCandidate& a, const RankedCandidate& b) {
  if (a.prediction.total_us != b.prediction.total_us) {
    return a.prediction.total_us < b.prediction.total_us;
  }
  return core::ordered_before(a.config, b.config);
}

}  // namespace

const SearchSpace::Runnable& SearchSpace::runnable(const core::DeviceInfo& device,
                                                   core::Operation operation,
                                                   const std::atomic<bool>* stop) const {
  const std::lock_guard lock(walked_->mutex);
  const std::pair wanted(operation, device.shared_bytes_per_block);
  if (const auto kept = walked_->runnable.find(wanted); kept != walked_->runnable.end()) {
    return kept->second;
  }
  const std::span<const Rule> rules = dense_rules();
  Runnable found;
  found.rejected.resize(rules.size());
  const bool asked_for = is_fixed("operation");
  for_each([&](core::GemmConfig config) {
    if (stop != nullptr) throw_if_set(*stop);
    ++found.enumerated;
    if (!asked_for) config.operation = core::kernel_operation(operation);
    if (const auto law = broken_law(rules, config, device, operation)) {
      ++found.rejected[*law];
    } else {
      found.configs.push_back(config);
    }
  });
  return walked_->runnable.emplace(wanted, std::move(found)).first->second;
}

bool breaks_law(const core::GemmConfig& config, const core::DeviceInfo& device,
                core::Operation operation) {
  return broken_law(dense_rules(), config, device, operation).has_value();
}

Plan make_plan(const core::GemmProblem& problem, const SearchSpace& space,
               const core::DeviceInfo& device, const core::GroupDraw& draw) {
  const std::span<const Rule> rules = dense_rules();
  const std::vector<std::size_t> asked = applicable(rules, space);
  const SearchSpace::Runnable& runnable = space.runnable(device, problem.operation);

  Plan plan;
  if (draw != core::GroupDraw{}) plan.rows = core::rows_of_groups(problem, draw);
  const Work work(problem, plan.rows);
  const CostModel model(device, plan.rows);
  plan.enumerated = runnable.enumerated;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    plan.rejected.emplace_back(&rules[i], runnable.rejected[i]);
  }
  for (const core::GemmConfig& config : runnable.configs) {
    const auto rejecting = std::find_if(asked.begin(), asked.end(), [&](std::size_t i) {
      return rules[i].rejects(work, config, device);
    });
    if (rejecting != asked.end()) {
      ++plan.rejected[*rejecting].second;
    } else {
      plan.ranked.push_back({config, model.predict(problem, config)});
    }
  }
  std::sort(plan.ranked.begin(), plan.ranked.end(), ranks_before);
  return plan;
}

}  // namespace deepgemm::autotune
