#include "autotune/cost_model.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <utility>

#include "autotune/cost_constants.h"
#include "core/group_rows.h"

namespace deepgemm::autotune {
namespace {

using core::DeviceInfo;
using core::GemmConfig;
using core::GemmProblem;

double combine(double a, double b, double sharpness) {
  const double larger = std::max(a, b);
  if (larger <= 0) return 0;
  return larger * std::pow(1 + std::pow(std::min(a, b) / larger, sharpness), 1 / sharpness);
}

// What exceeds an empty kernel when `bytes` are read from cold memory.
double read_floor_us(double bytes, const DeviceInfo& device) {
  const auto& points = cost::kReadFloor;
  std::size_t i = 1;
  while (i + 1 < points.size() && bytes > points[i].bytes) ++i;
  const double slope = (points[i].us - points[i - 1].us) / (points[i].bytes - points[i - 1].bytes);
  const double us = points[i - 1].us + (bytes - points[i - 1].bytes) * slope;
  return (us - cost::kEmptyKernelUs) * cost::kFloorDeviceGbps / device.memory_gbps;
}

// Counts are reported as int; absurdly large problems saturate.
int saturate(double count) {
  return static_cast<int>(std::min<double>(count, std::numeric_limits<int>::max()));
}

// Slabs that a warpgroup multiplies one after the other in `tiles` cluster tiles along m. A group
// ends within a tile: its warpgroups take turns on the slabs that have rows. A dense product's last
// tile is moved up instead. The blocks of a cluster wait for that with most rows.
double slab_turns(const GemmProblem& problem, const GemmConfig& config, std::int64_t m, int tiles) {
  const int slabs = kernels::slabs_per_warpgroup(config);
  if (problem.operation == core::Operation::kDense || tiles == 0) return 1.0 * tiles * slabs;
  const std::int64_t rows_of_last = m - (tiles - 1LL) * config.block_m * config.cluster_m;
  const int rows_of_turn = kernels::kWgmmaM * config.math_warpgroups;
  return (tiles - 1.0) * slabs +
         std::min(1.0 * slabs, std::ceil(static_cast<double>(rows_of_last) / rows_of_turn));
}

// The tiles of D as clusters walk them: those of one group after the other, where a dense product
// is one group.
struct Walk {
  double groups = 0;   // that have rows
  double all_m = 0;    // rows of all groups
  double tiles_m = 0;  // cluster tiles along m, of all groups
  double tiles_n;
  int clusters;  // at work at once
  double waves;
  double rows;     // cluster tiles along m of one group that one wave spans, by the raster group
  double columns;  // the same along n
  double live;     // share of a tile's time that an average one takes

  Walk(const GemmProblem& problem, const GemmConfig& config, const DeviceInfo& device,
       std::span<const std::int64_t> given) {
    double turns = 0;
    core::ExpectedRows(problem, given).for_each([&](std::int64_t m, double weight) {
      if (m > 0) groups += weight;
      all_m += weight * static_cast<double>(m);
      const int tiles = kernels::cluster_tiles(config, static_cast<int>(m), 1).m;
      tiles_m += weight * tiles;
      turns += weight * slab_turns(problem, config, m, tiles);
    });
    live = turns / (tiles_m * kernels::slabs_per_warpgroup(config));
    tiles_n = kernels::cluster_tiles(config, 1, static_cast<int>(problem.n)).n;
    const int size = kernels::cluster_size(config);
    const double covered = cost::kCoveredByClusters[std::min(size, 8)];
    const int room = std::max(1, static_cast<int>(device.sms * covered + 0.5) / size);
    const double all = tiles_m * tiles_n;
    clusters = static_cast<int>(std::min<double>(room, all));
    waves = std::ceil(all / clusters);
    rows = std::min<double>(config.raster_group, tiles_m / groups);
    columns = std::min(tiles_n, std::ceil(clusters / rows));
  }

  double tiles_of_group() const { return tiles_m / groups * tiles_n; }
};

// Of all groups.
double bytes_of_a(const GemmProblem& problem, const Walk& walk) {
  return walk.all_m * static_cast<double>(problem.k);
}

double bytes_of_b(const GemmProblem& problem, const Walk& walk) {
  return walk.groups * static_cast<double>(problem.n) * static_cast<double>(problem.k);
}

// What operands spare that take each other's place in L2 and not that of data to be written back.
double spared_write_back_us(double read, double written, const GemmConfig& config,
                            const DeviceInfo& device) {
  if (config.l2_policy != kernels::kEvictOperands) return 0;
  const double spared = std::min(read, static_cast<double>(device.l2_bytes)) - written;
  return cost::kWriteBackUsPerMb * 1e-6 * std::max(0.0, spared) * cost::kFloorDeviceGbps /
         device.memory_gbps;
}

// Of operands that are marked to leave L2 first, those that another tile reads later. Where several
// groups stream through L2, they leave while tiles that are at work together still read them: A the
// more the more clusters of a row share it, B where a group has several rows of tiles.
double bytes_evicted_too_soon(double a, double b, const GemmConfig& config, const Walk& walk,
                              const DeviceInfo& device) {
  if (config.l2_policy != kernels::kEvictOperands) return 0;
  const double rows_of_group = walk.tiles_m / walk.groups;
  double bytes = cost::kEvictedShare *
                 (a * (walk.tiles_n / walk.columns - 1) + b * (rows_of_group / walk.rows - 1));
  if (walk.groups > 1) {
    const double streamed = std::max(0.0, b - 2.0 * static_cast<double>(device.l2_bytes));
    bytes += streamed * (cost::kEvictedB * (rows_of_group - 1) + cost::kEvictedA * walk.tiles_n);
  }
  return bytes;
}

// Of B of groups with several rows of tiles, what a later row reads again: the more, the less of
// the B that one wave reads stays in L2.
double bytes_read_late(double b, const Walk& walk, double room) {
  if (walk.groups <= 1) return 0;
  const double wave_b =
      b * std::max(1 / walk.groups, std::min(1.0, walk.clusters / (walk.tiles_m * walk.tiles_n)));
  const double later_rows = std::max(0.0, walk.tiles_m / walk.groups / walk.rows - 1);
  return cost::kLateB * b * later_rows * std::max(cost::kLateAtLeast, 1 - room / wave_b);
}

// Compulsory traffic, and operands read again where the L2 cannot hold them between waves.
double memory_us(const GemmProblem& problem, const GemmConfig& config, const Walk& walk,
                 const DeviceInfo& device) {
  const double room = cost::kUsefulL2 * static_cast<double>(device.l2_bytes);
  const double a = bytes_of_a(problem, walk);
  const double b = bytes_of_b(problem, walk);
  // What must stay in L2 is of one group: the next one multiplies another B.
  const double group_a = a * walk.rows / walk.tiles_m;
  const double group_b = b / walk.groups;
  const double wave_b = group_b * walk.columns / walk.tiles_n;
  const double reads_of_a = group_a + wave_b > room ? std::ceil(walk.tiles_n / walk.columns) : 1;
  const double written = 2.0 * walk.all_m * static_cast<double>(problem.n);
  // A row of tiles reads B again once the one before it has read its A and all of B and has written
  // its part of D: the more of it comes from memory, the less of all that there is room for.
  const double between = group_a + group_b + written * walk.rows / walk.tiles_m;
  const double passes = std::ceil(walk.tiles_m / walk.groups / walk.rows);
  const double reads_of_b = 1 + (passes - 1) * std::max(0.0, 1 - room / between);
  const double read = a * reads_of_a + b * reads_of_b + bytes_read_late(b, walk, room) +
                      bytes_evicted_too_soon(a, b, config, walk, device);
  return read_floor_us(read, device) - spared_write_back_us(read, written, config, device) +
         written / (cost::kWriteRate * device.memory_gbps * 1e3);
}

// What the first wave must fetch before it can end: little where it spans as many rows as columns.
// Where it spans several groups, its share of all that there is.
double first_wave_us(const GemmProblem& problem, const Walk& walk, const DeviceInfo& device) {
  const double a = bytes_of_a(problem, walk);
  const double b = bytes_of_b(problem, walk);
  if (walk.groups > 1 && walk.clusters >= walk.tiles_of_group()) {
    return read_floor_us((a + b) * walk.clusters / (walk.tiles_m * walk.tiles_n), device);
  }
  return read_floor_us(a * walk.rows / walk.tiles_m + b / walk.groups * walk.columns / walk.tiles_n,
                       device);
}

// Each cluster row of tiles reads all of B once, each cluster column all of A.
double l2_us(const GemmProblem& problem, const Walk& walk, const DeviceInfo& device) {
  const double rows_read =
      walk.all_m * walk.tiles_n + static_cast<double>(problem.n) * walk.tiles_m;
  const double gbps = cost::kL2Gbps * device.sms / 132;
  return rows_read * static_cast<double>(problem.k) / (gbps * 1e3);
}

// Time of one k-block in a block whose pipeline is full.
double k_block_us(const GemmConfig& config, const DeviceInfo& device) {
  const double boost = device.clock_mhz;  // clocks per microsecond
  // The tensor cores' sustained clock: at full rate, power holds it below the boost clock.
  const double sustained =
      std::min(boost, device.tensor_tflops * 1e6 / (cost::kTensorFlopPerClock * device.sms));
  const int slabs = kernels::slabs_per_warpgroup(config);
  const int all_slabs = slabs * config.math_warpgroups;

  const double wgmma =
      kernels::kBlockK / kernels::kWgmmaK * std::max(config.block_n / 2.0, cost::kWgmmaFloorClocks);
  const double promotion = cost::kPromotionClocks * config.block_n / 2.0 +
                           cost::kSegmentClocks * (kernels::segments(config) - 1);
  const double exposed = wgmma + cost::kSlabLatencyClocks + promotion;
  const double slab_chain =
      config.accumulator_sets == 1
          ? exposed
          : std::max({wgmma, promotion + cost::kOverlappedSlabClocks, exposed / 2});
  const double chain =
      slabs * slab_chain + cost::kPeerClocks * (kernels::stage_writers(config) - 1);

  const double tensor_us = all_slabs * wgmma / sustained;
  const double promotion_us = all_slabs * promotion / boost;
  const double chain_us = chain / boost;
  const double math = combine(std::max(tensor_us, promotion_us), chain_us, cost::kBlockSharpness);

  // One stage is being multiplied while the others are on their way.
  const double latency_us = cost::kLoadLatencyUs / std::max(1, config.stages - 1);
  const double port_us = kernels::stage_bytes(config) / (cost::kSmBytesPerClock * boost);
  return combine(math, std::max(latency_us, port_us), cost::kBlockSharpness);
}

// Stores of a tile that wait until an earlier one has made room.
double store_clocks(const GemmConfig& config) {
  const int stores = kernels::slabs_per_warpgroup(config) * kernels::boxes_per_slab(config) /
                     kernels::boxes_per_store(config);
  return cost::kStoreTurnClocks * std::max(0, stores - kernels::store_places(config));
}

// Adding up the slices of k: each block sends away all but its own share of the tile.
double add_clocks(const GemmConfig& config) {
  if (config.split_k == 1) return 0;
  const double bytes =
      4.0 * config.block_m * config.block_n * (config.split_k - 1) / config.split_k;
  return cost::kSliceMeetingClocks + bytes / cost::kSliceBytesPerClock;
}

// Before its first tile a block finds out whose rows lie where: a round trip to the memory and back
// for the counts of masked groups; of a contiguous layout it looks at the group of every row.
double group_table_us(const GemmProblem& problem, const Walk& walk, const DeviceInfo& device) {
  switch (problem.operation) {
    case core::Operation::kDense:
      break;
    case core::Operation::kGroupedMasked:
      return cost::kLoadLatencyUs;
    case core::Operation::kGroupedContiguous:
      return cost::kLoadLatencyUs +
             sizeof(int) * walk.all_m / (cost::kSmBytesPerClock * device.clock_mhz);
  }
  return 0;
}

}  // namespace

CostModel::CostModel(const core::DeviceInfo& device, std::vector<std::int64_t> rows)
    : device_(device), rows_(std::move(rows)) {}

Prediction CostModel::predict(const core::GemmProblem& problem,
                              const core::GemmConfig& config) const {
  const Walk walk(problem, config, device_, rows_);
  const int size = kernels::cluster_size(config);

  Prediction p;
  p.tiles = saturate(walk.tiles_m * walk.tiles_n * size);
  p.blocks = walk.clusters * size;
  p.waves = saturate(walk.waves);
  p.occupancy = walk.tiles_m * walk.tiles_n / (walk.waves * walk.clusters);
  p.launch_us = cost::kEmptyKernelUs + cost::kFirstStageUs +
                (size > 1 ? cost::kClusterMeetingUs : 0) + group_table_us(problem, walk, device_);
  p.memory_us = memory_us(problem, config, walk, device_);
  p.l2_us = l2_us(problem, walk, device_);
  p.math_us = walk.waves * walk.live *
              std::ceil(static_cast<double>(core::k_blocks(problem)) / config.split_k) *
              k_block_us(config, device_);
  const double epilogue_clocks =
      cost::kEpilogueClocks + 2.0 * config.block_m * config.block_n / cost::kEpilogueBytesPerClock;
  p.epilogue_us = walk.waves * (epilogue_clocks + store_clocks(config) + add_clocks(config)) /
                      device_.clock_mhz +
                  cost::kLastStoreUs;

  const double work = p.math_us + p.epilogue_us;
  const double traffic = combine(p.memory_us, p.l2_us, cost::kKernelSharpness);
  const double evenly = combine(traffic, work, cost::kKernelSharpness);
  // The same with the memory's work bunched in the first wave.
  const double wave = work / walk.waves;
  const double bunched =
      combine(first_wave_us(problem, walk, device_), wave, cost::kKernelSharpness) + work - wave;
  p.total_us = p.launch_us + std::max(evenly, bunched);
  return p;
}

}  // namespace deepgemm::autotune
