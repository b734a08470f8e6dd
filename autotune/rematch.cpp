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
  std::vector<std::size_t> entry_of;  // runner
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0) continue;
    race.enter(ids[i]);
    entry_of.push_back(i);
  }
  if (entry_of.empty()) return entries;
  race.run(rounds);
  for (std::size_t runner = 0; runner < entry_of.size(); ++runner) {
    entries[entry_of[runner]].measurement = race.measurement(runner);
  }
  bury_fallen(race, entry_of, entries);
  return entries;
}

}  // namespace deepgemm::autotune
