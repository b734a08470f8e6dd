#include "tests/mutants/mutants.h"

namespace deepgemm::mutants {
namespace {

constexpr std::string_view kGroups = "kernels/group_table.cuh";
constexpr std::string_view kOrder = "kernels/tile_order.cuh";
constexpr std::string_view kDense = "kernels/dense.cuh";
constexpr std::string_view kMath = "kernels/math_thread.cuh";
constexpr std::string_view kPromotion = "kernels/promotion.cuh";

// One config of each layout, both unsplit. What two warpgroups share out needs two: the second one
// has rows outside of small groups.
Configs one_of_each() { return first_of(contiguous()) | last_of(masked() & unsplit_grouped()); }
Configs two_warpgroups() { return last_of(contiguous()) | last_of(masked() & unsplit_grouped()); }

constexpr std::string_view kCount = "min(max(args.rows[g], 0), args.m)";
constexpr std::string_view kScaleX = "? m_ - group_ * args_.m : m_;";
constexpr std::string_view kEnd = "m_end() const { return table_.end_row[group_]; }";
constexpr std::string_view kOutside =
    "C.operation != kDense && order.m() + thread.slab(0) * kWgmmaM >= order.m_end()";
constexpr std::string_view kInside = "C.operation == kDense || m + kWgmmaM <= m_end";

// Where the rows of groups begin and end.
std::vector<Rule> misread() {
  return {
      {"first-rows-left-out",
       kWrong,
       contiguous(),
       {{kGroups, "atomicMin(&table.first_row[group[i]], first + i - 1)",
         "atomicMin(&table.first_row[group[i]], first + i + 3)"}}},
      {"last-row-left-out",
       kWrong,
       contiguous(),
       {{kGroups, "atomicMax(&table.end_row[group[i]], first + i)",
         "atomicMax(&table.end_row[group[i]], first + i - 1)"}}},
      {"one-row-of-padding-too-many",
       kWrong,
       contiguous(),
       {{kGroups, "atomicMax(&table.end_row[group[i]], first + i)",
         "atomicMax(&table.end_row[group[i]], first + i + 1)"}}},
      {"padding-is-of-the-first-group",
       kWrong,
       first_of(contiguous()),
       {{kGroups,
         "if (static_cast<uint32>(group[i]) >= static_cast<uint32>(args.groups)) continue;",
         "if (group[i] < 0) group[i] = 0;"}}},
      // The first config's threads look at 1024 rows in one go.
      {"later-rows-not-looked-at",
       kWrong,
       first_of(contiguous()),
       {{kGroups, "first += kRows * threads", "first += 2 * kRows * threads"}}},
      {"neighbours-count",
       kWrong,
       masked(),
       {{kGroups, "args.rows[g]", "args.rows[(g + 1) % args.groups]"}}},
      {"all-room-is-used", kWrong, masked(), {{kGroups, kCount, "args.m"}}},
      {"one-row-beyond-the-count",
       kWrong,
       masked(),
       {{kGroups, kCount, "min(max(args.rows[g] + 1, 0), args.m)"}}},
      {"counts-not-clamped",
       kSame,
       first_of(masked()),
       {{kGroups, kCount, "args.rows[g]"}},
       "here no group has fewer rows than none, or more than there is room for"},
  };
}

// Which tiles there are, and whose.
std::vector<Rule> miscounted() {
  return {
      {"last-group-not-counted",
       kWrong,
       one_of_each(),
       {{kGroups, "g < args.groups ? max", "g < args.groups - 1 ? max"}}},
      {"a-group-of-one-row-skipped",
       kWrong,
       contiguous() | masked(),
       {{kGroups, "max(table.end_row[g] - table.first_row[g], 0)",
         "max(table.end_row[g] - table.first_row[g] - 1, 0)"}}},
      {"last-tile-of-all-never",
       kWrong,
       contiguous() | masked(),
       {{kOrder, "return tile_ < table_.first_tile[args_.groups];",
         "return tile_ < table_.first_tile[args_.groups] - 1;"}}},
      {"last-tile-of-a-group-never",
       kWrong,
       one_of_each(),
       {{kOrder, "raster<C>(tile_ - table_.first_tile[group_], tiles)",
         "raster<C>(max(tile_ - table_.first_tile[group_] - 1, 0), tiles)"}}},
      {"next-groups-first-tile-never",
       kWrong,
       one_of_each(),
       {{kOrder, "while (tile_ >= table_.first_tile[group_ + 1])",
         "while (tile_ > table_.first_tile[group_ + 1])"}}},
      {"both-blocks-of-a-cluster-on-one-tile",
       kWrong,
       last_of(contiguous()),
       {{kOrder, "first_row + static_cast<int>(at.m * C.cluster_m + rank_m<C>(rank_)) * C.block_m",
         "first_row + static_cast<int>(at.m * C.cluster_m) * C.block_m"}}},
      {"tiles-walked-twice",
       kSame,
       one_of_each(),
       {{kOrder, "tile_ += clusters_at_work<C>();", "tile_ += clusters_at_work<C>() - 1;"}},
       "two blocks that walk one tile store the same bits"},
  };
}

// What a tile of a group is multiplied with.
std::vector<Rule> mixed_up() {
  const Configs all = contiguous() | masked();
  return {
      {"next-groups-b",
       kWrong,
       all,
       {{kDense, "first_row_of_b = order.group() * args.n;",
         "first_row_of_b = (order.group() + 1) % args.groups * args.n;"}}},
      {"earlier-groups-scales-of-b",
       kWrong,
       all,
       {{kPromotion, "first_row_ = group * ceil_div(args_.n, kScaleBlock);",
         "first_row_ = (group == 0 ? args_.groups - 1 : group - 1) * ceil_div(args_.n, "
         "kScaleBlock);"}}},
      {"later-rows-scales-of-a",
       kWrong,
       contiguous(),
       {{kOrder, kScaleX, "? m_ - group_ * args_.m : m_ + 4;"}}},
      {"later-rows-scales-of-a-masked",
       kWrong,
       masked(),
       {{kOrder, kScaleX, "? m_ - group_ * args_.m + 4 : m_;"}}},
      {"first-groups-scales-of-a",
       kWrong,
       masked(),
       {{kOrder, "? group_ * ceil_div(args_.k, kBlockK) : 0;", "? 0 : 0;"}}},
  };
}

// What is left out at the end of a group, and what is not.
std::vector<Rule> overrun() {
  const Configs unsplit = contiguous() | (masked() & unsplit_grouped());
  return {
      {"no-end-but-that-of-all-rows",
       kWrong,
       contiguous(),
       {{kOrder, kEnd, "m_end() const { return args_.m; }"}}},
      {"no-end-but-that-of-the-room",
       kWrong,
       masked(),
       {{kOrder, kEnd, "m_end() const { return (group_ + 1) * args_.m; }"}}},
      {"whole-slabs-beyond-the-end", kWrong, unsplit, {{kMath, kInside, "true"}}},
      {"passed-over-always", kWrong, one_of_each(), {{kDense, kOutside, "true"}}},
      {"passed-over-a-slab-too-soon",
       kWrong,
       unsplit,
       {{kDense, "order.m() + thread.slab(0) * kWgmmaM >= order.m_end()",
         "order.m() + (thread.slab(0) + 1) * kWgmmaM >= order.m_end()"}}},
      {"second-slab-never",
       kWrong,
       two_slabs(),
       {{kDense, "order.m() + thread.slab(1) * kWgmmaM >= order.m_end()", "true"}}},
      {"second-share-never-loaded",
       kWrong,
       two_slabs(),
       {{kDense, "min(ceil_div(order.m_end() - order.m(), kRowsA), C.cluster_n)", "1"}}},
      {"second-slab-always",
       kSame,
       two_slabs(),
       {{kDense, "order.m() + thread.slab(1) * kWgmmaM >= order.m_end()", "order.m() < 0"}},
       "what is multiplied in vain is not stored"},
      {"no-rows-loaded-for-partial-tiles",
       kWrong,
       one_of_each(),
       {{kDense, "&& order.m() >= order.m_end();", "&& order.m() + C.block_m > order.m_end();"}}},
      // The warpgroup falls behind by a stage with each tile that it passes over.
      {"a-stage-kept-where-passed-over",
       kWrong | kHangs,
       two_warpgroups(),
       {{kMath, "for (int kb = 0; kb < k_blocks; ++kb) {\n      wait_full();",
         "for (int kb = 0; kb < k_blocks - 1; ++kb) {\n      wait_full();"}}},
      {"never-passed-over",
       kSame,
       two_warpgroups(),
       {{kDense, kOutside, "order.m() < 0"}},
       "what is multiplied in vain is not stored"},
  };
}

}  // namespace

const std::vector<Rule>& grouped_rules() {
  static const std::vector<Rule> rules = joined({misread(), miscounted(), mixed_up(), overrun()});
  return rules;
}

}  // namespace deepgemm::mutants
