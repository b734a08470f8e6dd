#include "autotune/rematch.h"

#include "autotune/interrupt.h"
#include "autotune/race.h"

namespace deepgemm::autotune {

std::vector<int> make_all_ready(Workbench& bench, std::span<const Returning> kernels,
                                const std::atomic<bool>& stop,
                                std::vector<BenchmarkEntry>& entries) {
  std::vector<int> ids;
  for (const Returning& each : kernels) {
    throw_if_set(stop);
    BenchmarkEntry entry{};
    entry.contender = each.contender;
    entry.config = each.cubin->config;
    entry.kernel_key = each.cubin->key;
    ids.push_back(make_ready(bench, each.cubin, entry).value_or(-1));
    entries.push_back(std::move(entry));
  }
  return ids;
}

std::vector<BenchmarkEntry> rematch(Executor& executor, const core::GemmProblem& problem,
                                    const core::GroupDraw& draw, std::span<const Returning> kernels,
                                    int rounds, const std::atomic<bool>& stop) {
  throw_if_set(stop);
  const std::unique_ptr<Workbench> bench = executor.prepare(problem, draw);
  std::vector<BenchmarkEntry> entries;
  const std::vector<int> ids = make_all_ready(*bench, kernels, stop, entries);
  Race race(*bench, stop);
  std::vector<std::pair<std::size_t, std::size_t>> runners;  // entry, and its number in the race
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] >= 0) runners.emplace_back(i, race.enter(ids[i]));
  }
  if (runners.empty()) return entries;
  race.run(rounds);
  for (const auto& [entry, runner] : runners) {
    entries[entry].measurement = race.measurement(runner);
  }
  return entries;
}

}  // namespace deepgemm::autotune
