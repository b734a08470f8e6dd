#include "tests/mutants/ablations.h"

namespace deepgemm::mutants {
namespace {

constexpr std::string_view kDense = "kernels/dense.cuh";
constexpr std::string_view kMath = "kernels/math_thread.cuh";
constexpr std::string_view kPromotion = "kernels/promotion.cuh";
constexpr std::string_view kGroups = "kernels/group_table.cuh";

bool any(const core::GemmConfig&) { return true; }
bool splits(const core::GemmConfig& config) { return config.split_k > 1; }
bool reads_a_map(const core::GemmConfig& config) {
  return config.operation == kernels::kGroupedContiguous;
}

// The loading thread learns which lap it is in, and how many of a stage's bytes are A's.
std::vector<Edit> counting_laps(std::string_view bytes) {
  return {{kDense, "int bytes, int k_begin,", "int bytes, int bytes_a, int k_begin,"},
          {kDense, "loaded_bytes(C, args.m),",
           "loaded_bytes(C, args.m), loaded_rows(C, args.m) * kBlockK,"},
          {kDense, "bool alone = cluster_size(C) > 1;",
           "bool alone = cluster_size(C) > 1;\n  int filled = 0;"},
          {kDense, "ptx::barrier_arrive_expect_bytes(full, bytes);", bytes}};
}

constexpr Edit kNoLoadOfA = {kDense, "if (C.cluster_n == 1 || alone) {",
                             "if (!first_lap) {\n      } else if (C.cluster_n == 1 || alone) {"};
constexpr Edit kNoLoadOfB = {kDense, "if (C.cluster_m == 1 || alone) {",
                             "if (!first_lap) {\n      } else if (C.cluster_m == 1 || alone) {"};

#define FIRST_LAP_ELSE(bytes)                           \
  "const bool first_lap = filled++ < C.stages;\n      " \
  "ptx::barrier_arrive_expect_bytes(full, first_lap ? bytes : " bytes ");"

std::vector<Ablation> loading() {
  constexpr std::string_view kRestOfA = FIRST_LAP_ELSE("bytes - bytes_a");
  constexpr std::string_view kRestOfB = FIRST_LAP_ELSE("bytes - C.block_n * kBlockK");
  constexpr std::string_view kRest = FIRST_LAP_ELSE("bytes - bytes_a - C.block_n * kBlockK");
  return {
      {"no loads of A", any, joined({counting_laps(kRestOfA), {kNoLoadOfA}})},
      {"no loads of B", any, joined({counting_laps(kRestOfB), {kNoLoadOfB}})},
      {"no loads of A and B", any, joined({counting_laps(kRest), {kNoLoadOfA, kNoLoadOfB}})},
  };
}

std::vector<Ablation> multiplying() {
  return {
      {"no scales of A",
       any,
       {{kDense,
         "ptx::tma_load(shared.scale_a[stage.index], maps.scale_a, full, order.scale_x(),\n"
         "                    order.scale_y() + kb);",
         ""},
        {kDense, "loaded_bytes(C, args.m),",
         "loaded_bytes(C, args.m) - loaded_scales(C, args.m) * 4,"},
        {kMath, "return {a[0], a[8]};", "return {1.0f + a[0] * 0.0f, 1.0f};"}}},
      {"no scales of B",
       any,
       {{kPromotion, "scales[i] = __shfl_sync(0xffffffffu, mine, k_block % kLanes);",
         "scales[i] = __int_as_float(0x3f800000 + 0 * __float_as_int(mine));"}}},
      {"no promotion",
       any,
       {{kPromotion, "  // A split at or behind the tile's end is no split.\n",
         "  ptx::pin_registers(sum);\n  return;\n"}}},
      {"no tensor core",
       any,
       {{kMath, "wgmma(partial, a + kk * kStep, next_b + kk * kStep, kk != 0);",
         "if (kk == 0) partial[0] = __uint_as_float(a + next_b);"}}},
  };
}

std::vector<Ablation> around() {
  return {
      {"no store of D",
       any,
       {{kDense, "thread.store(sum, maps.d, args, m0, m_end, n0);",
         "for (auto& slab : sum) ptx::pin_registers(slab);"},
        {kDense, "thread.store_groups(sum, args, m0, m_end, n0, first, end);",
         "for (auto& slab : sum) ptx::pin_registers(slab);"}}},
      {"no exchange between slices of k",
       splits,
       {{kDense, "exchange.add_up(sum, order.has_tile(), [&](int first, int end) {",
         "const auto keep = [&](const auto& use) {\n"
         "        use(share_begin(C, slice), share_begin(C, slice + 1));\n      };\n"
         "      keep([&](int first, int end) {"}}},
      {"no look at the rows' groups",
       reads_a_map,
       {{kGroups, "find_segments(table, args, thread, block_threads(C));",
         "const int rows = args.m / args.groups / 16 * 16;\n"
         "    for (int g = thread; g < args.groups; g += block_threads(C)) {\n"
         "      table.first_row[g] = g * rows;\n"
         "      table.end_row[g] = g * rows + rows;\n    }"}}},
  };
}

}  // namespace

const std::vector<Ablation>& ablations() {
  static const std::vector<Ablation> list = joined({loading(), multiplying(), around()});
  return list;
}

}  // namespace deepgemm::mutants
