#include "tests/mutants/mutants.h"

namespace deepgemm::mutants {
namespace {

constexpr std::string_view kDense = "kernels/dense.cuh";
constexpr std::string_view kMath = "kernels/math_thread.cuh";
constexpr std::string_view kEpilogue = "kernels/epilogue.cuh";
constexpr std::string_view kPromotion = "kernels/promotion.cuh";
constexpr std::string_view kSplit = "kernels/split_k.cuh";

constexpr std::string_view kStart = "constexpr RegisterBudget kRegisters = register_budget(C);";
// One thread, at the start of the kernel. Nothing of D's own is written before its end.
#define ONE_THREAD(code)                            \
  "if (blockIdx.x == 0 && threadIdx.x == 0) {" code \
  "}\nconstexpr RegisterBudget kRegisters = register_budget(C);"

// Writes beside D, and parts of D left unwritten. What is split over k leaves from registers, what
// is not through TMA, which clips at the edges of D.
std::vector<Rule> misplaced() {
  const Configs all = all_configs();
  return {
      {"one-element-too-far",
       kWrong,
       all,
       {{kDense, kStart, ONE_THREAD("args.d[1ll * args.m * args.n] = 1;")}}},
      {"one-element-too-early", kWrong, all, {{kDense, kStart, ONE_THREAD("args.d[-1] = 1;")}}},
      {"stray-element-afar",
       kWrong,
       all,
       {{kDense, kStart, ONE_THREAD("args.d[1ll * args.m * args.n + 200000] = 1;")}}},
      {"one-row-too-far",
       kWrong,
       split(),
       {{kEpilogue, "if (row < m_end) at", "if (row < m_end + 1) at"},
        {kEpilogue, "if (row + 8 < m_end) below", "if (row + 8 < m_end + 1) below"}}},
      {"one-group-too-far",
       kWrong,
       split(),
       {{kEpilogue, "if (column >= args.n) break;", "if (column > args.n) break;"}}},
      {"last-row-missing",
       kWrong,
       split(),
       {{kEpilogue, "if (row < m_end) at", "if (row < m_end - 1 && row % 8 != 7) at"}}},
      {"last-columns-missing",
       kWrong,
       split(),
       {{kEpilogue, "if (column >= args.n) break;", "if (column >= args.n - 8) break;"}}},
      {"last-tile-missing",
       kWrong,
       all,
       {{"kernels/tile_order.cuh", "static_cast<uint32>(tiles_.m * tiles_.n)",
         "static_cast<uint32>(tiles_.m * tiles_.n - 1)"}}},
      {"last-rows-of-tiles-moved-too-far",
       kWrong,
       all,
       {{"kernels/tile_order.cuh", "(args.m - C.block_m + 3) / 4 * 4",
         "(args.m - C.block_m + 3) / 4 * 4 - 4"}}},
      {"last-slab-missing",
       kWrong,
       unsplit(),
       {{kMath, "if (m >= m_end) break;", "if (m + kWgmmaM >= m_end) break;"}}},
      {"last-boxes-missing",
       kWrong,
       unsplit(),
       {{kEpilogue, "ptx::tma_store(&map_d,",
         "if (box + 1 < boxes_per_store(C) || m % 128 != 0) ptx::tma_store(&map_d,"}}},
      {"boxes-four-rows-down",
       kWrong,
       unsplit(),
       {{kEpilogue, "store_box_bytes(C) / 2, n, m);", "store_box_bytes(C) / 2, n, m + 4);"}}},
      {"first-tile-missing",
       kWrong,
       unsplit(),
       {{kDense, "thread.store(sum, maps.d, args, m0, m_end, columns);",
         "if (m0 + columns.tile > 0) thread.store(sum, maps.d, args, m0, m_end, columns);"}}},
      {"boxes-of-a-row-missing",
       kWrong,
       unsplit(),
       {{kEpilogue, "ptx::tma_store(&map_d,", "if (m != 64) ptx::tma_store(&map_d,"}}},
      {"boxes-a-column-off",
       kWrong,
       unsplit(),
       {{kEpilogue, "store_box_bytes(C) / 2, n, m);", "store_box_bytes(C) / 2, n + 8, m);"}}},
  };
}

// A neighbour's scale, k that is dropped or counted twice, values that are none.
std::vector<Rule> miscalculated() {
  const Configs all = all_configs();
  return {
      {"next-blocks-scale-b",
       kWrong,
       all,
       {{kPromotion, "k_begin_ + k_block + lane_,", "k_begin_ + k_block + lane_ + 1,"}}},
      {"next-columns-scale-b",
       kWrong,
       all,
       {{kPromotion, "columns_.segment(i) / kScaleBlock,",
         "columns_.segment(i) / kScaleBlock + 1,"}}},
      {"next-rows-scale-a", kWrong, all, {{kMath, "return {a[0], a[8]};", "return {a[1], a[8]};"}}},
      {"swapped-scales-a", kWrong, all, {{kMath, "return {a[0], a[8]};", "return {a[8], a[0]};"}}},
      {"next-blocks-scale-a",
       kWrong,
       all,
       {{kDense, "order.scale_y() + kb)", "order.scale_y() + kb + 1)"}}},
      {"one-value-of-four-by-the-lower-scale",
       kWrong,
       all,
       {{kPromotion, "__fmaf_rn(upper, partial[4 * g + 1]",
         "__fmaf_rn(lower, partial[4 * g + 1]"}}},
      {"second-scales-a-group-late",
       kWrong,
       several_segments(),
       {{kPromotion, "scales.upper[segment_of(C, 8 * g)]",
         "scales.upper[segment_of(C, g > 0 ? 8 * g - 8 : 0)]"}}},
      {"second-scales-ignored",
       kWrong,
       several_segments(),
       {{kPromotion, "scales.lower[segment_of(C, 8 * g)]", "scales.lower[0]"}}},
      {"second-segments-of-the-next-tile",
       kWrong,
       several_segments(),
       {{kDense, "first_row_of_b + columns.segment(i),",
         "first_row_of_b + columns.segment(i) + (i > 0 ? segment_width(C, i) : 0),"}}},
      {"second-half-of-scales-ignored",
       kWrong,
       all,
       {{kPromotion, "k_block % kHeld < kLanes ? first_[i] : second_[i]", "first_[i]"}}},
      {"scales-not-loaded-again",
       kWrong,
       unsplit(),
       {{kPromotion, "if (k_block % kHeld == 0) {", "if (k_block % kHeld == 1) {"}}},
      {"last-k-block-dropped",
       kWrong,
       all,
       {{kDense, "ceil_div(args.k, kBlockK)", "(args.k / kBlockK)"}}},
      {"quarter-of-k-dropped",
       kWrong,
       all,
       {{kMath, "kk < kBlockK / kWgmmaK; ++kk", "kk < kBlockK / kWgmmaK - 1; ++kk"}}},
      {"partial-sums-kept",
       kWrong,
       all,
       {{kMath, "next_b + kk * kStep, kk != 0)", "next_b + kk * kStep, true)"}}},
      {"same-quarter-of-b",
       kWrong,
       all,
       {{kMath, "next_b + kk * kStep, kk != 0)", "next_b, kk != 0)"}}},
      {"one-nan",
       kWrong,
       all,
       {{kPromotion, "ptx::pin_registers(sum);",
         "if (blockIdx.x == 5 && threadIdx.x == 128) sum[0] = __int_as_float(0x7fc00000);\n"
         "ptx::pin_registers(sum);"}}},
      {"one-infinity",
       kWrong,
       all,
       {{kPromotion, "ptx::pin_registers(sum);",
         "if (blockIdx.x == 5 && threadIdx.x == 128) sum[0] = __int_as_float(0x7f800000);\n"
         "ptx::pin_registers(sum);"}}},
      {"one-element-slightly-off",
       kWrong,
       all,
       {{kPromotion, "ptx::pin_registers(sum);",
         "if (blockIdx.x == 5 && threadIdx.x == 128) sum[0] = __fmul_rn(sum[0], 1.01f);\n"
         "ptx::pin_registers(sum);"}}},
      {"slice-added-twice",
       kWrong,
       split(),
       {{kSplit, "v[0] = from == 0 ? part.x :", "v[0] = from == 0 ? 2 * part.x :"}}},
  };
}

// Synchronisation left out; a delay makes the race come true.
std::vector<Rule> racing() {
  return {
      {"stored-before-it-is-staged",
       kWrong,
       unsplit(),
       {{kMath, "stage_boxes<C>(sum, box, boxes, warp, lane);",
         "if (warp != 0) __nanosleep(50000);\nstage_boxes<C>(sum, box, boxes, warp, lane);"},
        {kMath,
         "ptx::fence_shared_for_async();\n"
         "      ptx::named_barrier_sync(1 + warpgroup, kWarpgroupThreads);",
         "ptx::fence_shared_for_async();"}}},
      {"read-before-it-is-loaded",
       kWrong | kHangs | kFaults,
       all_configs(),
       {{kDense, "if (!beyond) load_scales<C>(",
         "__nanosleep(3000);\nif (!beyond) load_scales<C>("},
        {kMath, "wait_unless(full);", ""}}},
      {"loaded-before-it-is-read",
       kWrong | kHangs | kFaults,
       all_configs(),
       {{kDense, "ptx::barrier_wait(&shared.empty[stage.index], stage.phase ^ 1);", ""},
        {kMath, "wait_unless(full);", "wait_unless(full);\n__nanosleep(3000);"}}},
      {"added-before-it-arrived",
       kWrong | kHangs,  // a block that runs ahead may miss the phase that it waits for
       split(),
       {{kSplit, "ptx::barrier_wait_published(&shared.partial_ready, turn & 1);", ""},
        {kSplit, "send_shares(sum);\n    if",
         "if (slice > 0) __nanosleep(100000);\n    send_shares(sum);\n    if"}}},
  };
}

std::vector<Rule> harmless() {
  const Configs all = all_configs();
  return {
      {"no-prefetch-of-maps",
       kSame,
       all,
       {{kDense, "ptx::prefetch_tensor_map(&maps.a);", ""}},
       "a prefetch only saves time"},
      {"no-prefetch-of-scales",
       kSame,
       all,
       {{kPromotion, "ptx::prefetch(at(i, k_block + kLanes));", ";"}},
       "a prefetch only saves time"},
      {"never-found-full",
       kSame,
       all,
       {{kMath, "full = is_full();", "full = false;"}},
       "the test only saves a wait that follows otherwise"},
      {"scales-not-loaded-again-in-short-slices",
       kSame,
       split(),
       {{kPromotion, "if (k_block % kHeld == 0) {", "if (k_block % kHeld == 1) {"}},
       "a slice of 33 k-blocks needs no second load"},
  };
}

#undef ONE_THREAD

}  // namespace

const std::vector<Rule>& wrong_rules() {
  static const std::vector<Rule> rules =
      joined({misplaced(), miscalculated(), racing(), harmless()});
  return rules;
}

}  // namespace deepgemm::mutants
