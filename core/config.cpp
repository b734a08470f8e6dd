#include "core/config.h"

#include <charconv>

#include "core/error.h"

namespace deepgemm::core {
namespace {

constexpr int kMaxStages = 32;
constexpr int kMaxCluster = 8;
// Tile numbers, up to raster_group times the tiles along n, stay far from overflow; and no tuned
// config has more than some dozens.
constexpr int kMaxRasterGroup = 1024;
// Blocks that split k take turns tile by tile because each waits for the others' sums. Where one
// alone has columns to add up, the others wait for nothing and get two turns ahead, and the parity
// of a barrier cannot tell these apart: it waits for ever.
constexpr int kNarrowestSplit = 16;

// The sentence for Limit::kFieldRange.
std::string out_of_range(const GemmConfig& c) {
  for (const ConfigField& field : kConfigFields) {
    if (c.*field.member < 1) return std::string(field.name) + " must be at least 1";
  }
  if (c.math_warpgroups > 3) return "math_warpgroups must be 1, 2 or 3";
  if (c.stages > kMaxStages) return "stages must be at most " + std::to_string(kMaxStages);
  if (c.raster_group > kMaxRasterGroup) {
    return "raster_group must be at most " + std::to_string(kMaxRasterGroup);
  }
  if (c.operation > kernels::kGroupedMasked) return "operation must be 1, 2 or 3";
  if (c.l2_policy > kernels::kEvictOperands) return "l2_policy must be 1 or 2";
  return "accumulator_sets must be 1 or 2";
}

}  // namespace

const ConfigField* find_config_field(std::string_view name) {
  for (const ConfigField& field : kConfigFields) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

std::string to_string(const GemmConfig& config) {
  std::string text;
  text.reserve(32 * kConfigFields.size());  // a name, '=', and any int
  for (const ConfigField& field : kConfigFields) {
    if (!text.empty()) text += ',';
    text += field.name;
    text += '=';
    text += std::to_string(config.*field.member);
  }
  return text;
}

std::string short_name(const GemmConfig& config) {
  return std::to_string(config.block_m) + 'x' + std::to_string(config.block_n) + " s" +
         std::to_string(config.stages) + " c" + std::to_string(config.cluster_m) + 'x' +
         std::to_string(config.cluster_n) + " w" + std::to_string(config.math_warpgroups) + " a" +
         std::to_string(config.accumulator_sets) + " r" + std::to_string(config.raster_group) +
         " k" + std::to_string(config.split_k) +
         (config.l2_policy == kernels::kEvictOperands ? " ef" : "");
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

bool exceeds_raster(const GemmConfig& config, kernels::TileCount tiles) {
  return config.raster_group > 1 && (config.raster_group >= 2 * tiles.m || tiles.n == 1);
}

std::optional<Limit> broken_limit(const GemmConfig& c, int shared_limit) {
  for (const ConfigField& field : kConfigFields) {
    if (c.*field.member < 1) return Limit::kFieldRange;
  }
  if (c.math_warpgroups > 3 || c.stages > kMaxStages || c.accumulator_sets > 2 ||
      c.raster_group > kMaxRasterGroup || c.operation > kernels::kGroupedMasked ||
      c.l2_policy > kernels::kEvictOperands) {
    return Limit::kFieldRange;
  }
  const int rows = kernels::kWgmmaM * c.math_warpgroups;
  if (c.block_m != rows && c.block_m != 2 * rows) return Limit::kWarpgroupRows;
  if (c.block_m > kernels::kMaxBoxRows) return Limit::kWarpgroupRows;
  if (c.block_n % 8 != 0 || c.block_n > 256) return Limit::kWgmmaWidth;
  if (kernels::slabs_per_warpgroup(c) > 1 && c.accumulator_sets > 1) {
    return Limit::kAccumulatorSets;
  }
  // Each side first: the product of two absurd sides overflows.
  if (c.cluster_m > kMaxCluster || c.cluster_n > kMaxCluster || c.split_k > kMaxCluster ||
      kernels::cluster_size(c) > kMaxCluster) {
    return Limit::kClusterSize;
  }
  if (c.split_k > 1 && c.block_n < kNarrowestSplit) return Limit::kSplitWidth;
  // The last segment is the narrowest, and they are powers of two.
  const int narrowest = kernels::segment_width(c, kernels::segments(c) - 1);
  if (c.block_m % (8 * c.cluster_n) != 0 || narrowest % (8 * c.cluster_m) != 0) {
    return Limit::kMulticastSlice;
  }
  if (kernels::accumulator_registers(c) >= kernels::register_budget(c).math) {
    return Limit::kRegisterBudget;
  }
  if (kernels::shared_bytes(c) > shared_limit) return Limit::kSharedMemory;
  return std::nullopt;
}

std::optional<std::string> why_illegal(const GemmConfig& c, int shared_limit) {
  const std::optional<Limit> limit = broken_limit(c, shared_limit);
  if (!limit) return std::nullopt;
  switch (*limit) {
    case Limit::kFieldRange:
      return out_of_range(c);
    case Limit::kWarpgroupRows:
      return "block_m must be 64 or 128 times math_warpgroups, and at most 256, the side of a TMA "
             "box";
    case Limit::kWgmmaWidth:
      return "block_n must be a multiple of 8 up to 256, the width of wgmma";
    case Limit::kAccumulatorSets:
      return "two accumulator sets need block_m of 64 times math_warpgroups: with two slabs a "
             "warpgroup ptxas serialises the multiplications";
    case Limit::kClusterSize:
      return "a portable cluster has at most 8 blocks";
    case Limit::kSplitWidth:
      return "split_k needs block_n of " + std::to_string(kNarrowestSplit) +
             " at least: two blocks or more must have columns to add up";
    case Limit::kMulticastSlice:
      return "each block of a cluster must load a multiple of 8 rows of A's tile, and of each "
             "segment of B's (the binary digits of block_n)";
    case Limit::kRegisterBudget:
      return "accumulators need more than the " + std::to_string(kernels::register_budget(c).math) +
             " registers of a math thread";
    case Limit::kSharedMemory:
      return "shared memory of " + std::to_string(kernels::shared_bytes(c)) +
             " bytes exceeds the block's " + std::to_string(shared_limit);
  }
  return std::nullopt;
}

}  // namespace deepgemm::core
