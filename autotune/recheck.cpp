#include "autotune/recheck.h"

#include <fmt/format.h>

#include "autotune/race.h"
#include "autotune/sample_ratio.h"
#include "core/error.h"

namespace deepgemm::autotune {
namespace {

constexpr double kAlpha = 0.05;

// The rival that the winner is furthest behind.
struct Worst {
  Drift drift;
  std::size_t entry = 0;
  bool is_clear = true;  // against every rival
};

// The first runner is the winner; `entry_of` names the entry of each.
Worst worst_rival(const Race& race, std::span<const std::size_t> entry_of, double threshold) {
  Worst worst;
  const auto winner = race.measurement(0).samples_us;
  for (std::size_t rival = 1; rival < entry_of.size(); ++rival) {
    if (!race.racing(rival)) continue;
    const Drift drift = judge_drift(winner, race.measurement(rival).samples_us, threshold);
    worst.is_clear = worst.is_clear && drift.is_clear;
    if (drift.ratio <= worst.drift.ratio) continue;
    worst.drift = drift;
    worst.entry = entry_of[rival];
  }
  return worst;
}

std::string_view name_of(const BenchmarkEntry& rival) {
  return rival.contender == core::Contender::kDefault ? "default" : "runner-up";
}

// Where the GPU is lost with the winner, as a kernel that breaks it does, what became of the winner
// is known.
void run_batch(Race& race, int rounds) {
  try {
    race.run(rounds);
  } catch (const core::EnvironmentError&) {
    if (race.racing(0)) throw;
  }
}

// Fills the entries as far as the GPU goes along; ids as make_all_ready.
std::vector<int> make_ready_again(Recheck& result, Workbench& bench,
                                  std::span<const Returning> kernels,
                                  const std::atomic<bool>& stop) {
  try {
    return make_all_ready(bench, kernels, stop, result.entries);
  } catch (const core::EnvironmentError&) {
    // Lost with the winner: its rivals are of no interest then.
    if (result.entries.empty() || result.entries.front().failure.empty()) throw;
    return {-1};
  }
}

void race_again(Recheck& result, Workbench& bench, std::span<const int> ids,
                const RecheckOptions& options, const std::atomic<bool>& stop) {
  Race race(bench, stop);
  std::vector<std::size_t> entry_of;  // runner
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] < 0) continue;
    race.enter(ids[i]);
    entry_of.push_back(i);
  }
  Worst worst;
  do {
    run_batch(race, options.batch);
    bury_fallen(race, entry_of, result.entries);
    if (!race.racing(0)) {
      result.verdict = RowVerdict::kWrong;
      result.why = result.entries.front().failure;
      return;
    }
    worst = worst_rival(race, entry_of, options.drift);
  } while (!worst.is_clear && race.rounds_done() < options.max_rounds);
  for (std::size_t runner = 0; runner < entry_of.size(); ++runner) {
    if (!race.racing(runner)) continue;
    result.entries[entry_of[runner]].measurement = race.measurement(runner);
  }
  result.over_rival = worst.drift.ratio;
  if (!worst.drift.drifted) return;
  result.verdict = RowVerdict::kDrifted;
  result.why = fmt::format("{:.1f} % behind the {}", 100 * (worst.drift.ratio - 1),
                           name_of(result.entries[worst.entry]));
}

}  // namespace

std::string_view name(RowVerdict verdict) {
  switch (verdict) {
    case RowVerdict::kHolds:
      return "holds";
    case RowVerdict::kDrifted:
      return "drifted";
    case RowVerdict::kWrong:
      return "wrong";
    case RowVerdict::kNotChecked:
      return "not checked";
  }
  return "";
}

Drift judge_drift(std::span<const double> winner, std::span<const double> rival, double threshold) {
  const LogRatio ratio = ratio_of_medians(rival, winner);
  const Interval interval = ratio.interval(kAlpha);
  const double limit = 1 + threshold;
  // Beyond the threshold, and not by the noise alone.
  const bool drifted = ratio.ratio() >= limit && interval.low > 1;
  return {drifted, interval.high < limit || interval.low >= limit, ratio.ratio()};
}

Recheck recheck(Executor& executor, const core::GemmProblem& problem, const core::GroupDraw& draw,
                std::span<const Returning> kernels, const RecheckOptions& options,
                const std::atomic<bool>& stop) {
  throw_if_set(stop);
  const std::unique_ptr<Workbench> bench = executor.prepare(problem, draw);
  Recheck result;
  result.problem = problem;
  const std::vector<int> ids = make_ready_again(result, *bench, kernels, stop);
  if (ids.front() < 0) {
    result.verdict = RowVerdict::kWrong;
    result.why = result.entries.front().failure;
    return result;
  }
  race_again(result, *bench, ids, options, stop);
  if (result.verdict == RowVerdict::kWrong) return result;
  for (std::size_t i = 1; i < result.entries.size(); ++i) {
    const BenchmarkEntry& rival = result.entries[i];
    if (rival.failure.empty()) continue;
    result.why += (result.why.empty() ? "" : "; ") +
                  fmt::format("the {} did not race: {}", name_of(rival), rival.failure);
  }
  if (result.entries.size() == 1) result.why = "nothing raced against it: no rival is stored";
  return result;
}

}  // namespace deepgemm::autotune
