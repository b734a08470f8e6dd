// Text form of GemmConfig, generated from the one field list.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "kernels/config.h"

namespace deepgemm::core {

using kernels::GemmConfig;

// One field of GemmConfig: its name, where it lives, its default and what it means.
struct ConfigField {
  std::string_view name;
  int GemmConfig::*member;
  int default_value;
  std::string_view meaning;
};

#define DEEPGEMM_FIELD(name, value, meaning) ConfigField{#name, &GemmConfig::name, value, meaning},
inline constexpr std::array kConfigFields{DEEPGEMM_CONFIG_FIELDS(DEEPGEMM_FIELD)};
#undef DEEPGEMM_FIELD

const ConfigField* find_config_field(std::string_view name);  // nullptr if there is none

// "block_m=128,block_n=112,…", every field in list order.
std::string to_string(const GemmConfig& config);
// "128x112 s5 c1x2 w2 a1 r8 k1": for tables.
std::string short_name(const GemmConfig& config);
// Reads to_string's form; fields left out keep `base`'s value. Throws UsageError naming the bad
// field or value.
GemmConfig parse_config(std::string_view text, const GemmConfig& base = {});

// The fixed order in which ties are broken: field by field, smaller first.
bool ordered_before(const GemmConfig& a, const GemmConfig& b);

// Whether half the raster group walks that many cluster tiles in the same order: it spans all of
// them along m already, or there is one along n.
bool exceeds_raster(const GemmConfig& config, kernels::TileCount tiles);

// The first hardware limit of sm_90 that a config breaks, in this order.
enum class Limit {
  kFieldRange,       // a field below 1 or above what the kernel takes
  kWarpgroupRows,    // block_m is not one or two wgmma rows per math warpgroup
  kWgmmaWidth,       // block_n is no width of wgmma
  kAccumulatorSets,  // two slabs that take turns on two accumulators: ptxas serialises their wgmma
  kClusterSize,      // more blocks than a portable cluster has
  kSplitWidth,       // two blocks at least must have columns to add up: else one outruns the other
  kMulticastSlice,   // a block's share of a multicast tile breaks the swizzle's 8 rows
  kRegisterBudget,   // accumulators alone fill a math thread's registers
  kSharedMemory,     // more than `shared_limit` bytes
};
std::optional<Limit> broken_limit(const GemmConfig& config, int shared_limit = 232448);

// broken_limit as a sentence; nullopt if the config is legal. Rules that only make a config
// pointless for a shape are the search's, not these.
std::optional<std::string> why_illegal(const GemmConfig& config, int shared_limit = 232448);

}  // namespace deepgemm::core
