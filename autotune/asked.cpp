#include "autotune/asked.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/sha256.h"

namespace deepgemm::autotune {

std::string asked_for(const core::GemmProblem& problem, Effort effort, const SearchSpace& space,
                      const CostModel& model, const core::GemmConfig& fallback) {
  std::string text;
  for (const Parameter& each : space.parameters()) {
    // Rules do not argue with what is fixed, even where it is all that the table has.
    text += fmt::format("{}{}{}\n", each.field, space.is_fixed(each.field) ? "=" : ":",
                        fmt::join(each.values, ","));
  }
  for (const Rule& each : dense_rules()) text += fmt::format("{}\n", each.name);
  text += fmt::format("{:a}", model.predict(problem, fallback).total_us);
  return fmt::format("{} {}", name(effort), core::sha256_hex(text).substr(0, 16));
}

}  // namespace deepgemm::autotune
