#include "autotune/recheck.h"

#include <fmt/format.h>

#include "autotune/median_ratio.h"
#include "autotune/race.h"

namespace deepgemm::autotune {
namespace {

constexpr double kAlpha = 0.05;

struct Runner {
  std::size_t entry;
  std::size_t in_race;
};

// The rival that the winner is furthest behind.
struct Worst {
  Drift drift;
  std::size_t entry = 0;
  bool is_clear = true;  // against every rival
};

Worst worst_rival(const Race& race, std::span<const Runner> runners, double threshold) {
  Worst worst;
  const auto winner = race.measurement(runners.front().in_race).samples_us;
  for (const Runner& rival : runners.subspan(1)) {
    const Drift drift = judge_drift(winner, race.measurement(rival.in_race).samples_us, threshold);
    worst.is_clear = worst.is_clear && drift.is_clear;
    if (drift.ratio <= worst.drift.ratio) continue;
    worst.drift = drift;
    worst.entry = rival.entry;
  }
  return worst;
}

std::string_view name_of(const BenchmarkEntry& rival) {
  return rival.contender == core::Contender::kDefault ? "default" : "runner-up";
}

void race_again(Recheck& result, Workbench& bench, std::span<const int> ids,
                const RecheckOptions& options, const std::atomic<bool>& stop) {
  Race race(bench, stop);
  std::vector<Runner> runners;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] >= 0) runners.push_back({i, race.enter(ids[i])});
  }
  Worst worst;
  do {
    race.run(options.batch);
    worst = worst_rival(race, runners, options.drift);
  } while (!worst.is_clear && race.rounds_done() < options.max_rounds);
  for (const Runner& each : runners) {
    result.entries[each.entry].measurement = race.measurement(each.in_race);
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
  }
  return "";
}

Drift judge_drift(std::span<const double> winner, std::span<const double> rival, double threshold) {
  const MedianRatio ratio = ratio_of_medians(rival, winner);
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
  const std::vector<int> ids = make_all_ready(*bench, kernels, stop, result.entries);
  if (ids.front() < 0) {
    result.verdict = RowVerdict::kWrong;
    result.why = result.entries.front().failure;
    return result;
  }
  race_again(result, *bench, ids, options, stop);
  for (std::size_t i = 1; i < ids.size(); ++i) {
    if (ids[i] >= 0) continue;
    result.why += (result.why.empty() ? "" : "; ") + fmt::format("the {} did not race: {}",
                                                                 name_of(result.entries[i]),
                                                                 result.entries[i].failure);
  }
  return result;
}

}  // namespace deepgemm::autotune
