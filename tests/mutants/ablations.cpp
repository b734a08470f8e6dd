#include "tests/mutants/ablations.h"

#include <algorithm>

namespace deepgemm::mutants {
namespace {

constexpr std::string_view kDense = "kernels/dense.cuh";
constexpr std::string_view kMath = "kernels/math_thread.cuh";
constexpr std::string_view kPromotion = "kernels/promotion.cuh";
constexpr std::string_view kGroups = "kernels/group_table.cuh";

bool any(const core::GemmConfig&) { return true; }
bool splits(const core::GemmConfig& config) { return config.split_k > 1; }
bool unsplit(const core::GemmConfig& config) { return config.split_k == 1; }
bool reads_a_map(const core::GemmConfig& config) {
  return config.operation == kernels::kGroupedContiguous;
}

// The loading thread learns which lap it is in, and waits for `later` bytes behind the first.
std::vector<Edit> counting_laps(std::string_view later) {
  return {{kDense, "int full_bytes, int k_begin,", "int full_bytes, int bytes_a, int k_begin,"},
          {kDense, "loaded_bytes(C, args.m),",
           "loaded_bytes(C, args.m), loaded_rows(C, args.m) * kBlockK,"},
          {kDense, "bool alone = cluster_size(C) > 1;",
           "bool alone = cluster_size(C) > 1;\n  int filled = 0;"},
          {kDense, "ptx::barrier_arrive_expect_bytes(full, beyond ? C.block_n * kBlockK : bytes);",
           later}};
}

constexpr Edit kNoLoadOfA = {kDense, "load_rows<C, C.cluster_n>(",
                             "if (first_lap) load_rows<C, C.cluster_n>("};
constexpr Edit kNoLoadOfB = {kDense, "load_rows<C, C.cluster_m>(",
                             "if (first_lap) load_rows<C, C.cluster_m>("};

#define LATER(bytes)                                                      \
  "const bool first_lap = filled++ < C.stages;\n      "                   \
  "const int first_bytes = beyond ? C.block_n * kBlockK : bytes;\n      " \
  "ptx::barrier_arrive_expect_bytes(full, first_lap ? first_bytes : " bytes ");"

std::vector<Ablation> loading() {
  constexpr std::string_view kNoA = LATER("beyond ? first_bytes : full_bytes - bytes_a");
  constexpr std::string_view kNoB = LATER("first_bytes - C.block_n * kBlockK");
  constexpr std::string_view kNeither =
      LATER("beyond ? 0 : full_bytes - bytes_a - C.block_n * kBlockK");
  return {
      {"no loads of A", any, joined({counting_laps(kNoA), {kNoLoadOfA}})},
      {"no loads of B", any, joined({counting_laps(kNoB), {kNoLoadOfB}})},
      {"no loads of A and B", any, joined({counting_laps(kNeither), {kNoLoadOfA, kNoLoadOfB}})},
  };
}

std::vector<Ablation> multiplying() {
  return {
      {"no scales of A",
       any,
       {{kDense,
         "if (!beyond) load_scales<C>(shared.scale_a[stage.index], maps.scale_a, full, args, "
         "order, "
         "kb);",
         ""},
        {kDense, "loaded_bytes(C, args.m),",
         "loaded_bytes(C, args.m) - 4 * scale_box(C, args.m).rows * scale_box(C, args.m).columns,"},
        {kMath, "return {a[0], a[8]};", "return {1.0f + a[0] * 0.0f, 1.0f};"}}},
      {"no scales of B",
       any,
       {{kPromotion, "scales[i] = __shfl_sync(0xffffffffu, mine, k_block % kLanes);",
         "scales[i] = __int_as_float(0x3f800000 + 0 * __float_as_int(mine));"}}},
      {"no promotion",
       any,
       {{kPromotion, "for (int g = 0; g < C.block_n / 8; ++g) {",
         "for (int g = 0; g < C.block_n / 8; ++g) {\n"
         "    if (blockDim.x > 0) break;"}}},
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
       {{kDense, "thread.store(sum, maps.d, args, m0, m_end, columns);",
         "if (args.n < 0) thread.store(sum, maps.d, args, m0, m_end, columns);"},
        {kDense, "thread.store_groups(sum, args, m0, m_end, columns, first, end);",
         "if (args.n < 0) thread.store_groups(sum, args, m0, m_end, columns, first, end);"}}},
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

// What is left when all but one of the stages that can bound a tile's time are out.
std::vector<Ablation> alone() {
  const auto edits_of = [](const std::vector<Ablation>& list, std::string_view name) {
    return std::find_if(list.begin(), list.end(),
                        [&](const Ablation& one) { return one.name == name; })
        ->edits;
  };
  const auto no_promotion = edits_of(multiplying(), "no promotion");
  const auto no_store = edits_of(around(), "no store of D");
  return {
      {"loads alone", unsplit,
       joined({edits_of(multiplying(), "no tensor core"), no_promotion, no_store})},
      {"loads and store alone", unsplit,
       joined({edits_of(multiplying(), "no tensor core"), no_promotion})},
      {"tensor core alone", unsplit,
       joined({edits_of(loading(), "no loads of A and B"), no_promotion, no_store})},
      {"tensor core and promotion alone", unsplit,
       joined({edits_of(loading(), "no loads of A and B"), no_store})},
  };
}

}  // namespace

const std::vector<Edit>& clock_probe() {
  static const std::vector<Edit> edits = {
      {kDense, "using Thread = MathThread<C>;",
       "using Thread = MathThread<C>;\n"
       "  const auto now = [] {\n"
       "    unsigned long long ns;\n"
       "    asm volatile(\"mov.u64 %0, %globaltimer;\" : \"=l\"(ns));\n"
       "    return ns;\n  };\n"
       "  const unsigned long long begin_ns = now();\n"
       "  const long long begin = clock64();"},
      {kDense, "if (thread.warp == 0 && thread.lane == 0) ptx::tma_store_wait_read<0>();",
       "const unsigned long long end_ns = now();\n"
       "  const float clocks = static_cast<float>(clock64() - begin);\n"
       "  const float ghz = clocks / static_cast<float>(end_ns - begin_ns);\n"
       "  const auto stay = static_cast<unsigned long long>(ghz * 10000);\n"
       "  while (now() < end_ns + stay) {\n  }"}};
  return edits;
}

const std::vector<Ablation>& ablations() {
  static const std::vector<Ablation> list = joined({loading(), multiplying(), around(), alone()});
  return list;
}

}  // namespace deepgemm::mutants
