#include "autotune/benchmark.h"

#include <utility>

namespace deepgemm::autotune {

using core::Contender;
using core::Outcome;

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

void bury_fallen(Race& race, std::span<const std::size_t> entry_of,
                 std::vector<BenchmarkEntry>& entries) {
  for (Race::Fallen& each : race.take_fallen()) {
    BenchmarkEntry& entry = entries[entry_of[each.index]];
    entry.check.outcome = each.outcome;
    entry.check.detail = each.detail;
    entry.failure = std::move(each.detail);
    entry.measurement = {};
  }
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
  std::vector<std::size_t> entry_of;  // runner
  const auto enter = [&](Contender contender, const core::Cubin* cubin) {
    throw_if_set(stop);
    BenchmarkEntry entry{};
    entry.contender = contender;
    if (cubin != nullptr) {
      entry.config = cubin->config;
      entry.kernel_key = cubin->key;
    }
    if (const auto id = make_ready(*bench, cubin, entry)) {
      race.enter(*id);
      entry_of.push_back(row.entries.size());
    }
    row.entries.push_back(std::move(entry));
  };
  enter(Contender::kCandidate, &candidate);
  enter(Contender::kDefault, &fallback);
  enter(Contender::kCublasLtBlock, nullptr);
  enter(Contender::kCublasLtTensorwide, nullptr);
  enter(Contender::kMemoryFloor, nullptr);

  race.run(options.rounds);
  for (std::size_t runner = 0; runner < entry_of.size(); ++runner) {
    row.entries[entry_of[runner]].measurement = race.measurement(runner);
  }
  bury_fallen(race, entry_of, row.entries);
  return row;
}

}  // namespace deepgemm::autotune
