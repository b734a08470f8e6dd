// Why a config is not worth compiling: first what the hardware cannot run, then what cannot pay
// for the problem at hand.
#include <algorithm>

#include "autotune/search_space.h"
#include "core/group_rows.h"

namespace deepgemm::autotune {
namespace {

using core::DeviceInfo;
using core::GemmConfig;
using core::Limit;

template <Limit kLimit>
bool breaks(const Work&, const GemmConfig& config, const DeviceInfo& device) {
  return core::broken_limit(config, device.shared_bytes_per_block) == kLimit;
}

// Of all of a dense D, or of one group.
kernels::TileCount cluster_tiles(const Work& work, const GemmConfig& config) {
  return kernels::cluster_tiles(config, static_cast<int>(work.rows.of_a_group()),
                                static_cast<int>(work.problem.n));
}

// Tiles of D along one side, whole blocks outside D not counted.
kernels::TileCount tiles(const Work& work, GemmConfig config) {
  config.cluster_m = config.cluster_n = 1;
  return cluster_tiles(work, config);
}

// Of all groups together: no tile has rows of two.
double all_cluster_tiles(const Work& work, const GemmConfig& config) {
  double tiles = 0;
  work.rows.for_each([&](std::int64_t rows, double weight) {
    const kernels::TileCount count =
        kernels::cluster_tiles(config, static_cast<int>(rows), static_cast<int>(work.problem.n));
    tiles += weight * count.m * count.n;
  });
  return tiles;
}

bool computes_another(const Work& work, const GemmConfig& config, const DeviceInfo&) {
  return config.operation != core::kernel_operation(work.problem.operation);
}

// The most accumulator registers of a math thread that compile without spills, for 1, 2 and 3 math
// warpgroups: measured with ptxas 13.0 over the widths about these, alone and in clusters. Just
// below, it is a matter of luck; a kernel that does spill there fails to build and is recorded as
// such.
constexpr int kSpillLimits[] = {216, 192, 128};

bool spills(const Work&, const GemmConfig& config, const DeviceInfo&) {
  return kernels::accumulator_registers(config) > kSpillLimits[config.math_warpgroups - 1];
}

bool too_tall(const Work& work, const GemmConfig& config, const DeviceInfo&) {
  return config.block_m - kernels::kWgmmaM >= work.rows.most();
}

bool too_wide(const Work& work, const GemmConfig& config, const DeviceInfo&) {
  return config.block_n - 8 >= work.problem.n;
}

bool cluster_m_outside(const Work& work, const GemmConfig& config, const DeviceInfo&) {
  return config.cluster_m > tiles(work, config).m;
}

bool cluster_n_outside(const Work& work, const GemmConfig& config, const DeviceInfo&) {
  return config.cluster_n > tiles(work, config).n;
}

bool nothing_to_overlap(const Work& work, const GemmConfig& config, const DeviceInfo&) {
  return config.accumulator_sets > 1 && core::k_blocks(work.problem) == 1;
}

// k-blocks that the busiest block walks: no pipeline is ever filled deeper.
long long longest_walk(const Work& work, const GemmConfig& config, const DeviceInfo& device) {
  const auto tiles = static_cast<long long>(all_cluster_tiles(work, config) + 0.5);
  const long long clusters = std::max(1, device.sms / kernels::cluster_size(config));
  const long long rounds = (tiles + clusters - 1) / clusters;
  return rounds * ((core::k_blocks(work.problem) + config.split_k - 1) / config.split_k);
}

bool stages_unused(const Work& work, const GemmConfig& config, const DeviceInfo& device) {
  return config.stages > std::max(2LL, longest_walk(work, config, device));
}

// Sixteen stages of the smallest tile already hold more bytes in flight than one SM's share of
// the memory's latency asks for.
constexpr int kDeepEnough = 16;

// Loads wait longer for the memory than a few stages bridge, so a stage more always pays, unless it
// is taken from the room that D's tile leaves through.
bool pipeline_shallow(const Work& work, const GemmConfig& config, const DeviceInfo& device) {
  GemmConfig deeper = config;
  ++deeper.stages;
  return deeper.stages <= kDeepEnough && !stages_unused(work, deeper, device) &&
         !core::broken_limit(deeper, device.shared_bytes_per_block) &&
         kernels::store_boxes(deeper) == kernels::store_boxes(config);
}

bool same_raster(const Work& work, const GemmConfig& config, const DeviceInfo&) {
  return core::exceeds_raster(config, cluster_tiles(work, config));
}

// B that several rows of tiles read must stay in L2 from the first to the last of them. Rows that
// are at work at once ask for it at about the same time, which is soon enough only where no other
// group's B streams through L2 meanwhile.
bool reads_b_again(const Work& work, const GemmConfig& config, const DeviceInfo& device) {
  const core::GemmProblem& p = work.problem;
  const bool streams = p.groups > 1 && p.groups * p.n * p.k > 2 * device.l2_bytes;
  return config.l2_policy == kernels::kEvictOperands &&
         cluster_tiles(work, config).m > (streams ? 1 : config.raster_group);
}

// Where D is as much as an eighth of B, its lines take the place of B's, and either may be faster.
// With several groups, tiles of one and of the next read their A at different times, and A suffers
// more than B gains: 32 masked groups of 230x4096x7168 take 407 us and not 468 with 256x128.
bool keeps_b_in_vain(const Work& work, const GemmConfig& config, const DeviceInfo&) {
  return config.l2_policy == kernels::kEvictInTurn && work.problem.groups == 1 &&
         cluster_tiles(work, config).m == 1 && 16 * work.rows.of_a_group() <= work.problem.k;
}

// A slice shorter than this is over before its pipeline has filled.
constexpr int kShortestSlice = 4;

bool split_short(const Work& work, const GemmConfig& config, const DeviceInfo&) {
  return config.split_k > 1 && core::k_blocks(work.problem) < kShortestSlice * config.split_k;
}

bool split_crowded(const Work& work, const GemmConfig& config, const DeviceInfo& device) {
  return config.split_k > 1 &&
         all_cluster_tiles(work, config) * kernels::cluster_size(config) > device.sms;
}

template <Limit kLimit>
constexpr Rule law(std::string_view name, std::string_view reason) {
  return {name, reason, breaks<kLimit>, {}, kLimit};
}

constexpr Rule kRules[] = {
    law<Limit::kFieldRange>("field-range", "has a field outside what the kernel takes"),
    law<Limit::kWarpgroupRows>("warpgroup-rows",
                               "has rows that its math warpgroups cannot share out in slabs of 64"),
    law<Limit::kWgmmaWidth>("wgmma-width", "has a width that wgmma does not have"),
    law<Limit::kAccumulatorSets>(
        "accumulator-sets",
        "takes turns on two accumulators over two slabs, which ptxas serialises"),
    law<Limit::kClusterSize>("cluster-size", "has more blocks than a portable cluster"),
    law<Limit::kSplitWidth>("split-width",
                            "splits k, but leaves columns to add up to one block alone"),
    law<Limit::kMulticastSlice>("multicast-slice",
                                "splits a multicast tile below the swizzle's 8 rows"),
    law<Limit::kRegisterBudget>("register-budget",
                                "needs more accumulators than a math thread has registers"),
    {"other-operation", "computes another operation", computes_another},
    {"register-spills", "needs more registers than compile without spills", spills},
    law<Limit::kSharedMemory>("shared-memory", "needs more shared memory than a block has"),
    {"block-m-waste", "multiplies 64 rows or more that lie outside D", too_tall, "block_m"},
    {"block-n-waste", "is wider than n by a whole wgmma step", too_wide, "block_n"},
    {"cluster-m-waste", "multicasts B into blocks wholly outside D", cluster_m_outside,
     "cluster_m"},
    {"cluster-n-waste", "multicasts A into blocks wholly outside D", cluster_n_outside,
     "cluster_n"},
    {"nothing-to-overlap", "has a second accumulator set, but k is a single block",
     nothing_to_overlap, "accumulator_sets"},
    {"split-short", "leaves slices of k shorter than the pipeline takes to fill", split_short,
     "split_k"},
    {"split-crowded", "splits k although the tiles alone leave no SM idle for it", split_crowded,
     "split_k"},
    {"stages-unused", "has more stages than its busiest block has k-blocks", stages_unused,
     "stages"},
    {"stages-shallow", "leaves room for another stage", pipeline_shallow, "stages"},
    {"raster-duplicate", "walks the tiles in the order of a smaller raster group", same_raster,
     "raster_group"},
    {"l2-reread", "lets B leave L2 although later rows of tiles read it again", reads_b_again,
     "l2_policy"},
    {"l2-unused", "keeps B in L2 although one row of tiles reads all of it", keeps_b_in_vain,
     "l2_policy"},
};

}  // namespace

std::span<const Rule> dense_rules() { return kRules; }

}  // namespace deepgemm::autotune
