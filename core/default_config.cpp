#include "core/default_config.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "core/group_rows.h"

namespace deepgemm::core {
namespace {

// More stages than this hide no latency that fewer leave.
constexpr int kDeepest = 16;

struct Tile {
  int block_m;
  int math_warpgroups;
};
constexpr std::array kTiles{Tile{64, 1}, Tile{128, 2}, Tile{256, 2}};

// Of a math thread. Inside what compiles without spills for every cluster and alignment of the
// tile (measured with ptxas 13.0): the default must always compile.
constexpr int kSafeAccumulators = 192;

// What a tile costs, compared in this order; smaller is better.
struct Score {
  std::int64_t work;         // of the waves one after the other
  std::int64_t idle_blocks;  // of the last wave
  std::int64_t traffic;      // rows and columns that the SMs load in all, per k

  friend bool operator<(const Score& a, const Score& b) {
    return std::tie(a.work, a.idle_blocks, a.traffic) < std::tie(b.work, b.idle_blocks, b.traffic);
  }
};

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// Tiles along m that may be expected of all groups: none has rows of two.
std::int64_t tiles_along_m(const GemmProblem& problem, int block_m) {
  double tiles = 0;
  ExpectedRows(problem).for_each([&](std::int64_t rows, double weight) {
    tiles += weight * static_cast<double>(ceil_div(rows, block_m));
  });
  return static_cast<std::int64_t>(tiles + 0.5);
}

// Tiles of D, of all groups.
std::int64_t tiles_of(const GemmProblem& problem, const GemmConfig& config) {
  return tiles_along_m(problem, config.block_m) * ceil_div(problem.n, config.block_n);
}

// Whether there are registers for a second accumulator set.
bool can_overlap(GemmConfig config) {
  config.accumulator_sets = 2;
  return kernels::slabs_per_warpgroup(config) == 1 &&
         kernels::accumulator_registers(config) <= kSafeAccumulators;
}

// Clocks that a tile takes at least: for each k-block those of the tensor core, or of shared
// memory, 128 bytes a clock, which the loads write and wgmma reads, A once and B once for each
// slab; then those of its end.
std::int64_t clocks_of(const GemmProblem& problem, const GemmConfig& config) {
  constexpr std::int64_t kEndOfTile = 1200;
  constexpr std::int64_t kElementsStoredPerClock = 26;
  const std::int64_t rows = config.block_m;
  const std::int64_t columns = config.block_n;
  const std::int64_t slabs = rows / kernels::kWgmmaM;
  const std::int64_t tensor = 2 * slabs * columns;
  const std::int64_t shared = rows + slabs * columns + rows + columns;
  // A warpgroup alone, in whose promotion the tensor core has nothing to do.
  const bool exposed = config.math_warpgroups == 1 && !can_overlap(config);
  return k_blocks(problem) * (std::max(tensor, shared) + (exposed ? columns : 0)) + kEndOfTile +
         rows * columns / kElementsStoredPerClock;
}

// The tiles of a dense product that need the fewest waves are the fastest as a rule: they are the
// largest. Groups have edges, and what a large tile computes beyond them is lost.
Score score(const GemmProblem& problem, const GemmConfig& config, int sms) {
  const std::int64_t tiles = tiles_of(problem, config);
  const std::int64_t waves = ceil_div(tiles, sms);
  const std::int64_t each = problem.operation == Operation::kDense ? 1 : clocks_of(problem, config);
  return {waves * each, waves * sms - tiles, tiles * (config.block_m + config.block_n)};
}

// Where two slabs take turns on the tensor core, the scales of each segment are multiplied twice a
// k-block. For m = 512 and n = 7168, in pairs, 256x112 took 3 % longer than 256x128 with k = 2048,
// and 2.6 % less with k = 16384, by its better filled wave.
bool is_slow(const GemmConfig& config) {
  return kernels::slabs_per_warpgroup(config) == 2 && config.block_n % 32 != 0;
}

// As many stages as fit; two at least, which fit with every tile considered here. Where blocks
// walk several tiles, not at the expense of the room that a tile of D leaves through.
int deepest_pipeline(GemmConfig config, bool several_tiles, int shared_limit) {
  config.stages = 2;
  const int boxes = kernels::store_boxes(config);
  const auto fits = [&] {
    return kernels::shared_bytes(config) <= shared_limit &&
           !(several_tiles && kernels::store_boxes(config) < boxes);
  };
  config.stages = kDeepest;
  while (config.stages > 2 && !fits()) --config.stages;
  return config.stages;
}

// Narrower tiles stream B at the memory's pace: nothing that pairs would share limits them.
constexpr int kNarrow = 64;

// Half of all groups have an odd number of tiles along m, and then one block of a pair has nothing
// to do: from so many tiles a group on that costs less than the sharing brings.
constexpr int kTilesForPairs = 6;

// Pairs of blocks share the tile of B where they leave no block over and enough SMs have work: few
// tiles are bound by latency, which pairs make longer. Sharing A instead gains 2 % more at m = 4096
// and 2 to 15 % less below: more blocks ask for one tile of A than of B, and what they ask for at
// one time is fetched once anyway.
void share_in_pairs(GemmConfig& config, const GemmProblem& problem, int sms) {
  const std::int64_t tiles_m = tiles_along_m(problem, config.block_m);
  const std::int64_t tiles_n = ceil_div(problem.n, config.block_n);
  if (config.block_n < kNarrow || 2 * tiles_m * tiles_n < sms) return;
  if (problem.operation == Operation::kDense) {
    if (tiles_m % 2 == 0) config.cluster_m = 2;
  } else if (tiles_m >= kTilesForPairs * problem.groups) {
    config.cluster_m = 2;
  }
}

// Where tiles of 32 columns leave most SMs idle, and k is long enough to share out, several blocks
// split the k of each tile: as many as still run at once, for clusters do not cover all SMs.
void split_few_tiles(GemmConfig& config, const GemmProblem& problem, int sms) {
  constexpr int kColumns = 32;
  constexpr int kMostSlices = 4;
  constexpr int kFewestKBlocks = 8;  // of a slice
  constexpr int kRowsInTwo = 128;    // above so many, two warpgroups share the tile
  GemmConfig split = config;
  split.math_warpgroups = problem.m > kRowsInTwo ? 2 : 1;
  split.block_m = kernels::kWgmmaM * split.math_warpgroups;
  split.block_n = kColumns;
  const std::int64_t tiles = tiles_along_m(problem, split.block_m) * ceil_div(problem.n, kColumns);
  const std::int64_t together = sms * 9 / 10;
  const std::int64_t slices =
      std::min<std::int64_t>({kMostSlices, together / tiles, k_blocks(problem) / kFewestKBlocks});
  if (slices < 3) return;  // two gain less than they cost
  split.split_k = static_cast<int>(slices);
  config = split;
}

// Weights that one wave of rows reads once need no place in L2. It pays where they are more than
// twice D, whose lines take theirs otherwise. Those of several groups must be read by one tile
// each: of 16 groups of 512, 256x128 was 1.35 to 1.42 times behind the winner so, and 1.09 times
// for the one shape whose weights kept their place. And they must be few: where much streams
// through L2, the groups' A needs its place there. 32 masked groups of 24 rows lose 3 to 9 %; with
// 6 this default was 2 to 4 % behind the winner, and without it 1 to 12 %.
void stream_weights(GemmConfig& config, const GemmProblem& problem, const DeviceInfo& device) {
  const std::int64_t rows = static_cast<std::int64_t>(ExpectedRows(problem).most());
  const std::int64_t tiles_m = ceil_div(ceil_div(rows, config.block_m), config.cluster_m);
  const std::int64_t readers = problem.groups > 1 ? 1 : config.raster_group;
  const bool much =
      problem.groups > 1 && problem.groups * problem.n * problem.k > 4 * device.l2_bytes;
  if (tiles_m <= readers && 4 * rows <= problem.k && !much) {
    config.l2_policy = kernels::kEvictOperands;
  }
}

// The smallest raster group that walks the tiles in the same order: what the search would call this
// config by, and 1 % faster for one row of tiles, where finding them then takes no division.
void name_raster(GemmConfig& config, const GemmProblem& problem) {
  const auto rows = static_cast<std::int64_t>(ExpectedRows(problem).of_a_group());
  const kernels::TileCount tiles =
      kernels::cluster_tiles(config, static_cast<int>(rows), static_cast<int>(problem.n));
  while (exceeds_raster(config, tiles)) config.raster_group /= 2;
}

// A second accumulator set hides the promotion, where there are registers for it.
void overlap(GemmConfig& config) {
  if (can_overlap(config)) config.accumulator_sets = 2;
}

}  // namespace

GemmConfig default_config(const GemmProblem& problem, const DeviceInfo& device) {
  const int sms = std::max(device.sms, 1);
  GemmConfig best;
  std::optional<Score> best_score;
  const int operation = kernel_operation(problem.operation);
  for (const Tile& tile : kTiles) {
    // Rows beyond D are loaded and multiplied in vain.
    if (tile.block_m - kernels::kWgmmaM >= problem.m) continue;
    for (int block_n = 16; block_n <= 256; block_n += 16) {
      GemmConfig config;
      config.operation = operation;
      config.block_m = tile.block_m;
      config.block_n = block_n;
      config.stages = 2;
      config.math_warpgroups = tile.math_warpgroups;
      if (kernels::accumulator_registers(config) > kSafeAccumulators || is_slow(config) ||
          broken_limit(config, device.shared_bytes_per_block)) {
        continue;
      }
      const Score candidate = score(problem, config, sms);
      if (!best_score || candidate < *best_score) {
        best = config;
        best_score = candidate;
      }
    }
  }
  split_few_tiles(best, problem, sms);
  if (best.split_k == 1) share_in_pairs(best, problem, sms);
  overlap(best);
  stream_weights(best, problem, device);
  name_raster(best, problem);
  best.stages =
      deepest_pipeline(best, tiles_of(problem, best) > sms, device.shared_bytes_per_block);
  return best;
}

GemmConfig fallback_config(Operation operation) {
  GemmConfig config;
  config.operation = kernel_operation(operation);
  config.block_m = 64;
  config.block_n = 128;
  config.math_warpgroups = 1;
  config.stages = deepest_pipeline(config, true, kernels::kSharedLimit);
  return config;
}

}  // namespace deepgemm::core
