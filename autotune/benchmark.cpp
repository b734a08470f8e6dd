#include "autotune/benchmark.h"

#include "autotune/race.h"

namespace deepgemm::autotune {
namespace {

using core::Contender;
using core::Outcome;

struct Runner {
  std::size_t entry;  // in the row
  std::size_t in_race;
};

}  // namespace

std::optional<int> make_ready(Workbench& bench, const core::Cubin* cubin, BenchmarkEntry& entry) {
  const Workbench::Admission admission = bench.admit(entry.contender, cubin);
  if (!admission.failure.empty()) {
    entry.failure = admission.failure;
    entry.check.outcome = Outcome::kLaunchFailed;
    entry.check.detail = admission.failure;
    return std::nullopt;
  }
  if (cubin == nullptr) return admission.id;
  entry.check = bench.verify(admission.id);
  if (entry.check.outcome == Outcome::kMeasured) return admission.id;
  entry.failure = entry.check.detail;
  bench.dismiss(admission.id);
  return std::nullopt;
}

BenchmarkRow run_benchmark(Executor& executor, const core::GemmProblem& problem,
                           const core::Cubin& candidate, const core::Cubin& fallback,
                           const BenchmarkOptions& options, const std::atomic<bool>& stop) {
  throw_if_set(stop);
  const std::unique_ptr<Workbench> bench = executor.prepare(problem, options.draw);
  BenchmarkRow row;
  row.problem = problem;
  row.draw = options.draw;
  row.reference = bench->reference();
  row.reference_note = bench->reference_note();

  Race race(*bench, stop);
  std::vector<Runner> runners;
  const auto enter = [&](Contender contender, const core::Cubin* cubin) {
    throw_if_set(stop);
    BenchmarkEntry entry{};
    entry.contender = contender;
    if (cubin != nullptr) {
      entry.config = cubin->config;
      entry.kernel_key = cubin->key;
    }
    if (const auto id = make_ready(*bench, cubin, entry)) {
      runners.push_back({row.entries.size(), race.enter(*id)});
    }
    row.entries.push_back(std::move(entry));
  };
  enter(Contender::kCandidate, &candidate);
  enter(Contender::kDefault, &fallback);
  enter(Contender::kCublasLtBlock, nullptr);
  enter(Contender::kCublasLtTensorwide, nullptr);
  enter(Contender::kMemoryFloor, nullptr);

  race.run(options.rounds);
  for (const Runner& each : runners) {
    row.entries[each.entry].measurement = race.measurement(each.in_race);
  }
  return row;
}

}  // namespace deepgemm::autotune
