#include "core/config.h"

#include <charconv>

#include "core/error.h"

namespace deepgemm::core {

const ConfigField* find_config_field(std::string_view name) {
  for (const ConfigField& field : kConfigFields) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

std::string to_string(const GemmConfig& config) {
  std::string text;
  for (const ConfigField& field : kConfigFields) {
    if (!text.empty()) text += ',';
    text += std::string(field.name) + '=' + std::to_string(config.*field.member);
  }
  return text;
}

std::string short_name(const GemmConfig& config) {
  return std::to_string(config.block_m) + 'x' + std::to_string(config.block_n) + " s" +
         std::to_string(config.stages) + " c" + std::to_string(config.cluster_m) + 'x' +
         std::to_string(config.cluster_n) + " w" + std::to_string(config.math_warpgroups) + " a" +
         std::to_string(config.accumulator_sets) + " r" + std::to_string(config.raster_group);
}

GemmConfig parse_config(std::string_view text, const GemmConfig& base) {
  GemmConfig config = base;
  while (!text.empty()) {
    const std::string_view item = text.substr(0, text.find(','));
    text.remove_prefix(item.size() < text.size() ? item.size() + 1 : item.size());
    const std::size_t equals = item.find('=');
    const std::string_view name = item.substr(0, equals);
    const ConfigField* field = find_config_field(name);
    if (field == nullptr) {
      std::string known;
      for (const ConfigField& each : kConfigFields) known += " " + std::string(each.name);
      throw UsageError("there is no config field '" + std::string(name) + "'",
                       "Use one of:" + known + ".");
    }
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view{} : item.substr(equals + 1);
    int number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc{} || end != value.data() + value.size()) {
      throw UsageError(
          "'" + std::string(item) + "' does not set a config field to a number",
          "Write it like " + std::string(name) + "=" + std::to_string(field->default_value) + ".");
    }
    config.*field->member = number;
  }
  return config;
}

bool ordered_before(const GemmConfig& a, const GemmConfig& b) {
  for (const ConfigField& field : kConfigFields) {
    if (a.*field.member != b.*field.member) return a.*field.member < b.*field.member;
  }
  return false;
}

std::optional<std::string> why_illegal(const GemmConfig& c, int shared_limit) {
  for (const ConfigField& field : kConfigFields) {
    if (c.*field.member < 1) return std::string(field.name) + " must be at least 1";
  }
  if (c.math_warpgroups > 3) return "math_warpgroups must be 1, 2 or 3";
  const int rows = kernels::kWgmmaM * c.math_warpgroups;
  if (c.block_m != rows && c.block_m != 2 * rows) {
    return "block_m must be 64 or 128 times math_warpgroups";
  }
  if (c.block_m > kernels::kMaxBoxRows) return "block_m must be at most 256, the side of a TMA box";
  if (c.block_n % 8 != 0 || c.block_n > 256) {
    return "block_n must be a multiple of 8 up to 256, the width of wgmma";
  }
  if (c.stages > 32) return "stages must be at most 32";
  if (c.accumulator_sets > 2) return "accumulator_sets must be 1 or 2";
  if (kernels::cluster_size(c) > 8) return "a portable cluster has at most 8 blocks";
  if (c.block_m % (8 * c.cluster_n) != 0 || c.block_n % (8 * c.cluster_m) != 0) {
    return "each block of a cluster must load a multiple of 8 rows of the shared tile";
  }
  const auto budget = kernels::register_budget(c);
  if (kernels::accumulator_registers(c) >= budget.math) {
    return "accumulators need more than the " + std::to_string(budget.math) +
           " registers of a math thread";
  }
  if (kernels::shared_bytes(c) > shared_limit) {
    return "shared memory of " + std::to_string(kernels::shared_bytes(c)) +
           " bytes exceeds the block's " + std::to_string(shared_limit);
  }
  return std::nullopt;
}

}  // namespace deepgemm::core
