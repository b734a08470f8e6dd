// What the runtime library costs on the host. Google Benchmark; not part of the tests:
//   cmake --build --preset release --target runtime_benchmark &&
//   build/release/tests/runtime_benchmark
#include <benchmark/benchmark.h>

#include <chrono>

#include "core/include/deepgemm/deepgemm.h"
#include "db/bundle_file.h"
#include "db/c_arguments.h"
#include "db/runtime.h"
#include "tests/db/fixture.h"

namespace deepgemm::db {
namespace {

constexpr int kRows = 10000;
constexpr int kFamilies = 100;
constexpr int kKernels = 500;

// 100 weight matrices with 100 tuned m each, on 500 kernels.
const std::filesystem::path& large_bundle() {
  static const TempFolder folder;
  static const std::filesystem::path path = [] {
    BundleContents contents;
    contents.device_id = "h100-sxm5";
    for (int i = 0; i < kKernels; ++i) {
      contents.cubins.push_back(cubin_of("key-" + std::to_string(i)));
      contents.cubins.back().key.resize(64, '0');
      contents.cubins.back().config = {};
    }
    for (int i = 0; i < kRows; ++i) {
      WinnerRow row{winner_of(1 + i / kFamilies), environment_of(), "2026-01-01T00:00:00.000Z", 0};
      row.winner.problem.n = 8 * (1 + i % kFamilies);
      row.winner.kernel_key = contents.cubins[static_cast<std::size_t>(i % kKernels)].key;
      contents.winners.push_back(std::move(row));
    }
    contents.fallbacks.push_back(
        {core::Operation::kDense, contents.cubins[0].key, environment_of()});
    write_bundle(contents, folder / "large.dgdb");
    return folder / "large.dgdb";
  }();
  return path;
}

struct Opened {
  Opened()
      : runtime(layers(), *core::find_device_profile("h100-sxm5"), environment_of(),
                [](const core::GemmConfig&) { return core::BuildResult{}; }) {}
  static std::vector<Catalog> layers() {
    std::vector<Catalog> list;
    list.emplace_back(large_bundle(), environment_of());
    return list;
  }
  Runtime runtime;
};

core::GemmProblem asked(int i) { return problem_of(1 + i % 128, 8 * (1 + i % kFamilies)); }

void open_of_ten_thousand_rows(benchmark::State& state) {
  large_bundle();
  for (auto _ : state) {
    const Opened opened;
    benchmark::DoNotOptimize(&opened);
  }
}
BENCHMARK(open_of_ten_thousand_rows)->Unit(benchmark::kMillisecond);

// The clock is read by hand: pausing Google Benchmark's costs more than what is measured.
void first_find(benchmark::State& state) {
  for (auto _ : state) {
    Opened opened;
    const auto start = std::chrono::steady_clock::now();
    deepgemm_found found;
    fill(found, opened.runtime.find(asked(77)));
    benchmark::DoNotOptimize(found);
    state.SetIterationTime(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
}
BENCHMARK(first_find)->UseManualTime()->Iterations(100);

// The decision and all texts, over so many shapes in turn.
void hot_find(benchmark::State& state) {
  deepgemm_runtime* runtime = nullptr;
  const char* const path = large_bundle().c_str();
  if (deepgemm_open(&path, 1, &runtime) != DEEPGEMM_OK) {
    state.SkipWithError(deepgemm_last_error());
    return;
  }
  const int shapes = static_cast<int>(state.range(0));
  int i = 0;
  for (auto _ : state) {
    const core::GemmProblem problem = asked(i);
    const deepgemm_problem wanted{problem.m, problem.n, problem.k};
    deepgemm_found found;
    deepgemm_find(runtime, &wanted, DEEPGEMM_MISS_ERROR, &found);
    benchmark::DoNotOptimize(found);
    i = i + 1 < shapes ? i + 1 : 0;
  }
  deepgemm_close(runtime);
}
BENCHMARK(hot_find)->Arg(1)->Arg(64)->Arg(12800);

void hot_find_of_a_miss(benchmark::State& state) {
  Opened opened;
  const auto policy = static_cast<MissPolicy>(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(opened.runtime.find(problem_of(64, 80008), policy));
}
BENCHMARK(hot_find_of_a_miss)->DenseRange(0, 3);

// All that deepgemm_gemm does on the host, but for the driver's own work: that driver is a script
// which keeps a few words for each tensor map. `shapes` in turn, each with operands of its own.
void hot_gemm(benchmark::State& state) {
  deepgemm_runtime* runtime = nullptr;
  const char* const path = large_bundle().c_str();
  if (deepgemm_open(&path, 1, &runtime) != DEEPGEMM_OK) {
    state.SkipWithError(deepgemm_last_error());
    return;
  }
  const auto shapes = state.range(0);
  std::int64_t i = 0;
  for (auto _ : state) {
    const core::GemmProblem problem = asked(static_cast<int>(i));
    const deepgemm_problem wanted{problem.m, problem.n, problem.k};
    const auto at = [i](std::uintptr_t which) {
      return reinterpret_cast<float*>(static_cast<std::uintptr_t>(i + 1) << 24 | which << 16);
    };
    const deepgemm_operands operands{at(1), at(2), at(3), at(4), at(5)};
    if (deepgemm_gemm(runtime, &wanted, &operands, DEEPGEMM_MISS_ERROR, nullptr) != DEEPGEMM_OK) {
      state.SkipWithError(deepgemm_last_error());
      break;
    }
    i = i + 1 < shapes ? i + 1 : 0;
  }
  deepgemm_close(runtime);
}
BENCHMARK(hot_gemm)->Arg(1)->Arg(64)->Arg(1000);

}  // namespace
}  // namespace deepgemm::db

BENCHMARK_MAIN();
