#include "tests/mutants/mutants.h"

namespace deepgemm::mutants {
namespace {

constexpr std::string_view kDense = "kernels/dense.cuh";
constexpr std::string_view kMath = "kernels/math_thread.cuh";
constexpr std::string_view kEpilogue = "kernels/epilogue.cuh";
constexpr std::string_view kPipeline = "kernels/pipeline.cuh";
constexpr std::string_view kPromotion = "kernels/promotion.cuh";

// Of configs(), those of which one wgmma fits into a third of the registers.
constexpr Configs kSmallTiles = 0b1110101;

// Where every thread comes by once, with `args` at hand, and nothing has been waited for yet.
constexpr std::string_view kStart = "constexpr RegisterBudget kRegisters = register_budget(C);";
// The same with something before it.
#define AT_START(code) code "\nconstexpr RegisterBudget kRegisters = register_budget(C);"

std::vector<Rule> refused() {
  const Configs all = all_configs();
  return {
      {"unknown-name",
       kRefusedByCompiler,
       all,
       {{kDense, "init_barriers<C>(shared);", "initialise_barriers<C>(shared);"}}},
      {"wrong-argument",
       kRefusedByCompiler,
       unsplit(),
       {{kEpilogue, "ptx::tma_store_commit();", "ptx::tma_store_commit(1);"}}},
      {"broken-contract",
       kRefusedByCompiler,
       all,
       {{kDense, "static_assert(C.block_n % 8 == 0", "static_assert(C.block_n % 8 != 0"}}},
      {"unknown-instruction",
       kRefusedByCompiler,
       all,
       {{"kernels/ptx.cuh", "mbarrier.init.shared", "mbarrier.begin.shared"}}},
      {"missing-header",
       kRefusedByCompiler,
       all,
       {{kPipeline, "#include \"kernels/ptx.cuh\"", "#include \"kernels/absent.cuh\""}}},
      // More than any block has, without the pipeline.
      {"static-shared",
       kRefusedByCompiler,
       all,
       {{kDense, kStart,
         AT_START("__shared__ volatile char hog[262144];"
                  "hog[threadIdx.x] = 1;")}}},
      // Three blocks on an SM leave a thread too few registers for its accumulators: small tiles
      // spill, of large ones not even one wgmma fits.
      {"too-few-registers",
       kSpills,
       kSmallTiles,
       {{kEntry, "(block_threads(kConfig), 1)", "(block_threads(kConfig), 3)"}}},
      {"too-few-registers-for-wgmma",
       kRefusedByCompiler,
       all & ~kSmallTiles,
       {{kEntry, "(block_threads(kConfig), 1)", "(block_threads(kConfig), 3)"}}},
      {"shared-beside-the-pipeline",
       kRefusedByDriver,
       all,
       {{kDense, kStart,
         AT_START("__shared__ volatile char hog[180000];"
                  "hog[threadIdx.x] = 1;")}}},
  };
}

std::vector<Rule> faulting() {
  const Configs all = all_configs();
  return {
      {"trap",
       kFaults,
       all,
       {{kDense, kStart, AT_START("if (threadIdx.x == 0) asm volatile(\"trap;\");")}}},
      {"late-trap",
       kFaults,
       all,
       {{kDense, kStart,
         AT_START("if (blockIdx.x + 1 == gridDim.x && "
                  "threadIdx.x == 130) { __nanosleep(20000); "
                  "asm volatile(\"trap;\"); }")}}},
      {"null-write",
       kFaults,
       all,
       {{kDense, kStart,
         AT_START("if (blockIdx.x == 0 && threadIdx.x == 0) "
                  "*reinterpret_cast<volatile int*>(8ull) = 1;")}}},
      {"far-write",
       kFaults,
       all,
       {{kDense, kStart,
         AT_START("if (threadIdx.x == 0) reinterpret_cast<volatile "
                  "char*>(args.d)[1ll << 44] = 1;")}}},
      {"misaligned-write",
       kFaults,
       all,
       {{kDense, kStart,
         AT_START("if (threadIdx.x == 0) *reinterpret_cast<"
                  "volatile int*>(args.d + 1) = 1;")}}},
      {"misaligned-store",
       kFaults,
       split(),
       {{kEpilogue, "args.d + 1ll * row * args.n)", "args.d + 1ll * row * args.n + 1)"}}},
      {"scale-out-of-reach",
       kFaults,
       all,
       {{kPromotion, "args_.scale_b + 1ll * (first_row_ + row) * k_blocks + mine",
         "args_.scale_b + (1ll << 42) + mine"}}},
      {"row-out-of-reach",
       kFaults,
       split(),
       {{kEpilogue, "if (row < m_end) at[column / 2] =", "at[column / 2 + (1ll << 40)] ="}}},
  };
}

std::vector<Rule> hanging() {
  const Configs all = all_configs();
  return {
      {"spins-asleep",
       kHangs,
       all,
       {{kDense, kStart,
         AT_START("if (blockIdx.x == 0 && threadIdx.x == 0) "
                  "for (;;) __nanosleep(1000);")}}},
      {"spins-on-memory",
       kHangs,
       all,
       {{kDense, kStart,
         AT_START("if (threadIdx.x == 140) while (*reinterpret_cast"
                  "<volatile unsigned*>(args.d) != 0x12345678u) "
                  "{}")}}},
      {"expects-more-bytes",
       kHangs,
       all,
       {{kDense, "beyond ? C.block_n * kBlockK : bytes",
         "beyond ? C.block_n * kBlockK : bytes + 16"}}},
      {"stage-never-full",
       kHangs,
       all,
       {{kDense, "barrier_init(&shared.full[i], 1)", "barrier_init(&shared.full[i], 2)"}}},
      {"stage-never-empty",
       kHangs,
       all,
       {{kDense, "barrier_init(&shared.empty[i], 4 *", "barrier_init(&shared.empty[i], 5 *"}}},
      {"waits-in-the-first-lap",
       kHangs,
       all,
       {{kDense, "barrier_wait(&shared.empty[stage.index], stage.phase ^ 1)",
         "barrier_wait(&shared.empty[stage.index], stage.phase)"}}},
      {"stage-not-released",
       kHangs,
       without_multicast(),
       {{kPipeline, "if (lane == 0) ptx::barrier_arrive(address + (after & zero));", ""}}},
      {"sums-to-a-neighbours-tile",
       kHangs,
       last_of(split()),
       {{"kernels/split_k.cuh", "return other_slice * multicast_size(C) + cluster_rank;",
         "return other_slice * multicast_size(C);"}}},
      {"last-block-not-loaded", kHangs, all, {{kDense, "kb < k_end;", "kb < k_end - 1;"}}},
      {"store-barrier-short-of-a-warp",
       kHangs,
       unsplit(),
       {{kMath, "ptx::named_barrier_sync(1 + warpgroup, kWarpgroupThreads);",
         "ptx::named_barrier_sync(1 + warpgroup, kWarpgroupThreads + 32);"}}},
  };
}

#undef AT_START

}  // namespace

const std::vector<Rule>& stopping_rules() {
  static const std::vector<Rule> rules = joined({refused(), faulting(), hanging()});
  return rules;
}

}  // namespace deepgemm::mutants
