#include "autotune/search_space.h"

#include <algorithm>

#include "core/error.h"

namespace deepgemm::autotune {
namespace {

std::vector<int> multiples_of_8(int last) {
  std::vector<int> values;
  for (int value = 8; value <= last; value += 8) values.push_back(value);
  return values;
}

std::vector<int> all_from(int first, int last) {
  std::vector<int> values;
  for (int value = first; value <= last; ++value) values.push_back(value);
  return values;
}

}  // namespace

SearchSpace SearchSpace::dense() {
  SearchSpace space;
  space.parameters_ = {
      {"block_m", {64, 128, 192, 256}},
      {"block_n", multiples_of_8(256)},
      {"stages", all_from(2, 16)},
      {"cluster_m", {1, 2, 4}},
      {"cluster_n", {1, 2, 4}},
      {"math_warpgroups", {1, 2, 3}},
      {"accumulator_sets", {1, 2}},
      {"raster_group", {1, 2, 4, 8, 16}},
      {"split_k", {1, 2, 3, 4, 6, 8}},
      {"operation", {kernels::kDense}},
      {"l2_policy", {kernels::kEvictInTurn, kernels::kEvictOperands}},
  };
  return space;
}

void SearchSpace::fix(std::string_view field, std::vector<int> values) {
  const auto at = std::find_if(parameters_.begin(), parameters_.end(),
                               [&](const Parameter& each) { return each.field == field; });
  if (at == parameters_.end()) {
    std::string known;
    for (const Parameter& each : parameters_) known += " " + std::string(each.field);
    throw core::UsageError("the search space has no field '" + std::string(field) + "'",
                           "Fix one of:" + known + ".");
  }
  if (values.empty()) {
    throw core::UsageError(
        "no value is given for the field '" + std::string(field) + "'",
        "Write it like " + std::string(field) + "=" + std::to_string(at->values.front()) + ".");
  }
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  at->values = std::move(values);
  walked_ = std::make_shared<Walked>();
  fixed_.push_back(at->field);
}

bool SearchSpace::is_fixed(std::string_view field) const {
  return std::find(fixed_.begin(), fixed_.end(), field) != fixed_.end();
}

bool SearchSpace::allows(const core::GemmConfig& config) const {
  return std::ranges::all_of(parameters_, [&](const Parameter& each) {
    if (!is_fixed(each.field)) return true;
    const int value = config.*core::find_config_field(each.field)->member;
    return std::ranges::find(each.values, value) != each.values.end();
  });
}

long long SearchSpace::size() const {
  long long product = 1;
  for (const Parameter& each : parameters_) product *= static_cast<long long>(each.values.size());
  return product;
}

void SearchSpace::for_each(const std::function<void(const core::GemmConfig&)>& visit) const {
  std::vector<int core::GemmConfig::*> members;
  for (const Parameter& each : parameters_) {
    members.push_back(core::find_config_field(each.field)->member);
  }
  // An odometer: the last field turns fastest, so the order is that of core::ordered_before.
  std::vector<std::size_t> digits(parameters_.size(), 0);
  core::GemmConfig config;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    config.*members[i] = parameters_[i].values.front();
  }
  for (long long left = size(); left > 0; --left) {
    visit(config);
    for (std::size_t i = digits.size(); i-- > 0;) {
      digits[i] = (digits[i] + 1) % parameters_[i].values.size();
      config.*members[i] = parameters_[i].values[digits[i]];
      if (digits[i] != 0) break;
    }
  }
}

}  // namespace deepgemm::autotune
