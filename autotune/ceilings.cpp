#include "autotune/ceilings.h"

#include <algorithm>

#include "autotune/race.h"
#include "core/error.h"

namespace deepgemm::autotune {
namespace {

constexpr std::int64_t kRateShapes[][3] = {
    {4096, 4096, 4096}, {8192, 8192, 8192}, {4096, 7168, 16384}};

// 0 where it cannot run.
double tensorwide_us(Executor& executor, const core::GemmProblem& problem, int rounds,
                     const std::atomic<bool>& stop) {
  std::unique_ptr<Workbench> bench;
  try {
    bench = executor.prepare(problem, {});
  } catch (const core::UsageError&) {
    return 0;  // not enough memory
  }
  const auto admission = bench->admit(core::Contender::kCublasLtTensorwide, nullptr);
  if (!admission.failure.empty()) return 0;
  Race race(*bench, stop);
  const std::size_t runner = race.enter(admission.id);
  race.run(rounds);
  return race.measurement(runner).median_us;
}

}  // namespace

double measure_tensor_rate(Executor& executor, int rounds, const std::atomic<bool>& stop) {
  double best = 0;
  for (const auto& [m, n, k] : kRateShapes) {
    throw_if_set(stop);
    core::GemmProblem problem;
    problem.m = m;
    problem.n = n;
    problem.k = k;
    const double time_us = tensorwide_us(executor, problem, rounds, stop);
    if (time_us > 0) best = std::max(best, core::flops(problem) / time_us * 1e-6);
  }
  return best;
}

double limit_us(const core::GemmProblem& problem, const core::GroupDraw& draw, double floor_us,
                double tensor_tflops) {
  if (floor_us <= 0 || tensor_tflops <= 0) return 0;
  return std::max(floor_us, core::flops(problem, draw) / tensor_tflops * 1e-6);
}

}  // namespace deepgemm::autotune
