// What the search did before anything was compiled: counts per rule, and the ranking.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "app/output.h"
#include "autotune/search_space.h"

namespace deepgemm::app {

struct RuleCount {
  std::string rule;
  std::string reason;
  long long rejected = 0;
};

// A Plan without its long tail.
struct PlanSummary {
  long long enumerated = 0;
  std::vector<RuleCount> rules;
  long long ranked = 0;
  std::vector<autotune::RankedCandidate> top;  // at most kRankingShown
};
inline constexpr std::size_t kRankingShown = 10;

PlanSummary summarise(const autotune::Plan& plan);

// {enumerated, rejected: {rule: count}, ranked}
nlohmann::ordered_json plan_json(const PlanSummary& plan);

// A --dry-run's result.
struct DryRunReport {
  std::vector<std::string> command;
  core::DeviceInfo device;
  struct Shape {
    core::GemmProblem problem;
    PlanSummary plan;
  };
  std::vector<Shape> shapes;
};
std::string render(const DryRunReport& report, Format format);

}  // namespace deepgemm::app
