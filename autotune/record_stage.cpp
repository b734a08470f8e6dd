#include <algorithm>

#include "autotune/sample_ratio.h"
#include "autotune/stages.h"
#include "autotune/verdict.h"

namespace deepgemm::autotune {
namespace {

using core::Contender;
using core::Outcome;
using core::Trial;

bool is_repeat(const Trial& old, const Entrant& entrant) {
  return entrant.recorded && entrant.trial.contender == old.contender &&
         (!is_ours(old) || entrant.trial.config == old.config);
}

// The last race that measured any of ours. Only times of one race may be compared: between races
// the clocks and the temperature move.
int deciding_race(const std::vector<Entrant>& entrants) {
  int last = -1;
  for (const Entrant& each : entrants) {
    if (is_ours(each.trial) && each.trial.outcome == Outcome::kMeasured) {
      last = std::max(last, each.race);
    }
  }
  return last;
}

// The most samples that any of ours has of a race.
std::size_t longest_run(const std::vector<Entrant>& entrants, int race) {
  std::size_t most = 0;
  for (const Entrant& each : entrants) {
    if (is_ours(each.trial) && each.race == race) {
      most = std::max(most, each.trial.measurement.samples_us.size());
    }
  }
  return most;
}

// Who may win, as indices of trials.
struct Electorate {
  std::vector<std::size_t> who;
  Sampling sampling = Sampling::kApart;
};

// Whether nothing speaks against a stored trial. Its kernel may have ended a process since then. An
// earlier session may have ended before it checked a second time what looks too good, and nobody
// can tell whether it did.
bool is_believed(const TuneContext& context, const Trial& trial,
                 std::span<const Trial* const> field) {
  if (trial.outcome != Outcome::kMeasured || !is_ours(trial)) return true;
  const std::vector<core::GemmConfig>& quarantined = context.lineup.quarantined;
  if (std::ranges::find(quarantined, trial.config) != quarantined.end()) return false;
  if (!why_impossible(trial, context.device, context.draw()).empty()) return false;
  return trial.contender == Contender::kDefault || why_suspicious(trial, field).empty();
}

// Without a race: everyone whose time is believed, and whom this session has on its workbench, for
// those were confirmed.
std::vector<std::size_t> believed(const TuneContext& context, const std::vector<Trial>& trials,
                                  const std::vector<Entrant>& entrants, std::size_t first_new) {
  std::vector<bool> confirmed(trials.size(), false);
  std::size_t i = first_new;
  for (const Entrant& each : entrants) {
    if (each.recorded) confirmed[i++] = each.id >= 0;
  }
  std::vector<const Trial*> field;
  for (const Trial& each : trials) {
    if (each.outcome == Outcome::kMeasured) field.push_back(&each);
  }
  std::vector<std::size_t> who;
  for (i = 0; i < trials.size(); ++i) {
    if (confirmed[i] || is_believed(context, trials[i], field)) who.push_back(i);
  }
  return who;
}

// Those that ran the deciding race to its end. Whoever left it early was slower, but may have the
// better median: of the rounds before the GPU grew warm. Where this session measured no candidate
// but earlier ones did, everyone who is believed. The last of `trials` are the recorded entrants.
Electorate electable(const TuneContext& context, const std::vector<Trial>& trials,
                     const std::vector<Entrant>& entrants, std::size_t first_new) {
  const auto is_candidate = [](const Trial& each) {
    return each.contender == Contender::kCandidate && each.outcome == Outcome::kMeasured;
  };
  const auto has_candidate = [&](std::size_t from, std::size_t to) {
    const std::span<const Trial> some = std::span(trials).subspan(from, to - from);
    return std::any_of(some.begin(), some.end(), is_candidate);
  };
  const int race = deciding_race(entrants);
  const bool by_race = context.executor != nullptr && race >= 0 &&
                       (has_candidate(first_new, trials.size()) || !has_candidate(0, first_new));
  const std::size_t whole_race = longest_run(entrants, race);
  Electorate chosen;
  if (!by_race) {
    chosen.who = believed(context, trials, entrants, first_new);
    return chosen;
  }
  chosen.sampling = Sampling::kOneRace;
  std::size_t i = first_new;
  for (const Entrant& each : entrants) {
    if (!each.recorded) continue;
    const bool finished =
        each.race == race && each.trial.measurement.samples_us.size() >= whole_race;
    if (finished || each.trial.outcome != Outcome::kMeasured) chosen.who.push_back(i);
    ++i;
  }
  return chosen;
}

Verdict decide(const std::vector<Trial>& trials, const Electorate& electorate, bool gpu) {
  std::vector<Trial> some;
  for (const std::size_t i : electorate.who) some.push_back(trials[i]);
  Verdict verdict = gpu ? decide_measured(some, electorate.sampling) : decide_predicted(some);
  if (verdict.winner) verdict.winner = electorate.who[*verdict.winner];
  if (verdict.runner_up) verdict.runner_up = electorate.who[*verdict.runner_up];
  return verdict;
}

// Stores the kernel of a trial; returns why it cannot, empty on success.
std::string record_cubin(TuneContext& context, const std::vector<Entrant>& entrants,
                         const Trial& trial) {
  for (const Entrant& each : entrants) {
    if (each.cubin && each.trial.config == trial.config) {
      context.store.record(*each.cubin);
      return "";
    }
  }
  // Measured in an earlier session that ended before it was stored: the compiler's cache has it,
  // where nobody emptied that.
  std::future<core::BuildResult> building = context.pool.submit(trial.config);
  if (!wait_for_result(building, context.stop, context.last_moment)) {
    return "the budget ran out before it was built";
  }
  const core::BuildResult build = building.get();
  if (!build.cubin) return build.failure;
  context.store.record(*build.cubin);
  return "";
}

// The 95 % interval of other's time over ours; zeros where too few samples tell.
Interval margin(const Trial& ours, const Trial& other) {
  const std::vector<double>& mine = ours.measurement.samples_us;
  const std::vector<double>& theirs = other.measurement.samples_us;
  if (std::min(mine.size(), theirs.size()) < kLeastSamplesForRatio) return {0, 0};
  return ratio_of_medians(mine, theirs).interval(0.05);
}

void add_evidence(core::Winner& winner, const Trial& winning, const Trial& other) {
  if (other.contender == Contender::kDefault) {
    const Interval found = margin(winning, other);
    winner.margin_low = found.low;
    winner.margin_high = found.high;
  } else if (other.contender == Contender::kCublasLtBlock) {
    const Interval found = margin(winning, other);
    winner.cublaslt_margin_low = found.low;
    winner.cublaslt_margin_high = found.high;
  }
}

core::Winner crown(const Trial& winning, const Trial* runner_up, std::span<const Trial> trials,
                   const Lineup& lineup, const std::string& reason) {
  core::Winner winner;
  winner.problem = winning.problem;
  winner.config = winning.config;
  winner.kernel_key = winning.kernel_key;
  winner.measured = winning.outcome == Outcome::kMeasured;
  winner.median_us = winner.measured ? winning.measurement.median_us : winning.predicted_us;
  winner.spread_us = winning.measurement.spread_us;
  winner.default_config = lineup.fallback.config;
  winner.reason = reason;
  const core::Measurement& measurement = winning.measurement;
  winner.samples = static_cast<int>(measurement.samples_us.size());
  winner.ci_low_us = measurement.ci_low_us;
  winner.ci_high_us = measurement.ci_high_us;
  winner.sm_clock_mhz = measurement.sm_clock_mhz;
  if (runner_up != nullptr) {
    winner.runner_up_config = runner_up->config;
    winner.runner_up_us =
        winner.measured ? runner_up->measurement.median_us : runner_up->predicted_us;
  }
  for (const Trial& each : trials) {
    if (winner.measured) add_evidence(winner, winning, each);
    const double us = winner.measured ? each.measurement.median_us : each.predicted_us;
    if (is_ours(each)) ++winner.trials;
    if (each.contender == Contender::kDefault) winner.default_us = us;
    if (each.contender == Contender::kCublasLtBlock) winner.cublaslt_block_us = us;
    if (each.contender == Contender::kCublasLtTensorwide) winner.cublaslt_tensorwide_us = us;
  }
  return winner;
}

// Whether the budget ended before this session could compare `stored` with anything: the deciding
// race had no candidate, or not the stored winner, though that may still run. Times of different
// sessions cannot be compared, so a winner that raced before then stays.
bool measured_too_little(const TuneContext& context, const std::vector<Entrant>& entrants,
                         const core::Winner& stored) {
  if (!context.budget_ran_out || !stored.measured) return false;
  const int race = deciding_race(entrants);
  const auto ran = [race](const Entrant& each) {
    return each.trial.outcome == Outcome::kMeasured && each.race == race && race >= 0;
  };
  const bool has_candidate = std::ranges::any_of(entrants, [&](const Entrant& each) {
    return each.trial.contender == Contender::kCandidate && ran(each);
  });
  const auto again = std::ranges::find_if(entrants, [&](const Entrant& each) {
    return is_ours(each.trial) && each.trial.config == stored.config;
  });
  if (again == entrants.end()) return true;
  if (again->trial.outcome != Outcome::kMeasured) return false;  // it cannot serve any more
  return !has_candidate || !ran(*again);
}

}  // namespace

void TuneContext::record(Entrant& entrant) {
  store.record(entrant.trial, environment);
  entrant.recorded = true;
  observer.trial(entrant.trial);
}

void TuneContext::progress(Stage stage, std::size_t done, std::size_t total) {
  observer.progress(problem, stage, static_cast<int>(done), static_cast<int>(total));
}

void record_winner(TuneContext& context, const std::vector<Entrant>& entrants, TuneResult& result) {
  throw_if_set(context.stop);
  for (const Trial& each : context.lineup.known) {
    const bool repeated = std::any_of(entrants.begin(), entrants.end(),
                                      [&](const Entrant& now) { return is_repeat(each, now); });
    if (!repeated) result.trials.push_back(each);
  }
  const std::size_t first_new = result.trials.size();
  for (const Entrant& each : entrants) {
    if (each.recorded) result.trials.push_back(each.trial);
  }
  const auto stored = context.stored_winner();
  if (stored && measured_too_little(context, entrants, *stored)) {
    result.winner = stored;
    result.stands = true;
    result.why = stored->reason;
    return;
  }
  const Electorate electorate = electable(context, result.trials, entrants, first_new);
  Verdict verdict = decide(result.trials, electorate, context.executor != nullptr);
  if (context.slowed_races.contains(deciding_race(entrants))) {
    verdict.reason += "; measured while the GPU was slowed down";
  }
  const bool in_final = electorate.sampling == Sampling::kOneRace && !context.final_cut;
  if (context.executor != nullptr && context.budget_ran_out && !in_final) {
    verdict.reason += core::kCutShort;
  }
  result.why = verdict.reason;
  if (!verdict.winner) return;

  const Trial& winning = result.trials[*verdict.winner];
  if (const std::string failure = record_cubin(context, entrants, winning); !failure.empty()) {
    result.why = "the kernel of the winner is not there any more: " + failure;
    return;
  }
  if (verdict.runner_up) record_cubin(context, entrants, result.trials[*verdict.runner_up]);
  for (const Trial& each : result.trials) {
    const bool runs = each.outcome == Outcome::kMeasured || each.outcome == Outcome::kPredicted;
    if (each.contender == Contender::kDefault && runs) record_cubin(context, entrants, each);
  }
  const Trial* runner_up = verdict.runner_up ? &result.trials[*verdict.runner_up] : nullptr;
  result.winner = crown(winning, runner_up, result.trials, context.lineup, verdict.reason);
  result.winner->ranked_at = context.rates;
  result.winner->rows = core::unusual_rows(context.problem, context.draw());
  if (!context.budget_ran_out) result.winner->asked = context.asked;
  context.store.record(*result.winner, context.environment);
  context.progress(Stage::kRecord, 1, 1);
}

}  // namespace deepgemm::autotune
