#include <algorithm>

#include "autotune/stages.h"
#include "autotune/verdict.h"

namespace deepgemm::autotune {
namespace {

using core::Contender;
using core::Outcome;
using core::Trial;

bool is_ours(const Trial& trial) {
  return trial.contender == Contender::kCandidate || trial.contender == Contender::kDefault;
}

bool is_repeat(const Trial& old, const Entrant& entrant) {
  return entrant.recorded && entrant.trial.contender == old.contender &&
         (!is_ours(old) || entrant.trial.config == old.config);
}

// Times of one race decide; those of other sessions only where this one measured no candidate.
// trials from `first_new` on are of this session.
Verdict decide(std::span<const Trial> trials, std::size_t first_new, bool measured) {
  if (!measured) return decide_predicted(trials);
  const auto has_candidate = [](std::span<const Trial> some) {
    return std::any_of(some.begin(), some.end(), [](const Trial& each) {
      return each.contender == Contender::kCandidate && each.outcome == Outcome::kMeasured;
    });
  };
  const std::span<const Trial> fresh = trials.subspan(first_new);
  if (has_candidate(trials.first(first_new)) && !has_candidate(fresh)) {
    return decide_measured(trials);
  }
  if (fresh.empty()) return decide_measured(trials);
  Verdict verdict = decide_measured(fresh);
  if (verdict.winner) *verdict.winner += first_new;
  if (verdict.runner_up) *verdict.runner_up += first_new;
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
  // Measured in an earlier session that ended before it was stored: the compiler's cache has it.
  const core::BuildResult build = context.builder.build(trial.config);
  if (!build.cubin) return build.failure;
  context.store.record(*build.cubin);
  return "";
}

core::Winner crown(const Trial& winning, std::span<const Trial> trials, const Lineup& lineup,
                   const std::string& reason) {
  core::Winner winner;
  winner.problem = winning.problem;
  winner.config = winning.config;
  winner.kernel_key = winning.kernel_key;
  winner.measured = winning.outcome == Outcome::kMeasured;
  winner.median_us = winner.measured ? winning.measurement.median_us : winning.predicted_us;
  winner.spread_us = winning.measurement.spread_us;
  winner.default_config = lineup.fallback.config;
  winner.reason = reason;
  for (const Trial& each : trials) {
    const double us = winner.measured ? each.measurement.median_us : each.predicted_us;
    if (is_ours(each)) ++winner.trials;
    if (each.contender == Contender::kDefault) winner.default_us = us;
    if (each.contender == Contender::kCublasLtBlock) winner.cublaslt_block_us = us;
    if (each.contender == Contender::kCublasLtTensorwide) winner.cublaslt_tensorwide_us = us;
  }
  return winner;
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
  const Verdict verdict = decide(result.trials, first_new, context.executor != nullptr);
  result.why = verdict.reason;
  if (!verdict.winner) return;

  const Trial& winning = result.trials[*verdict.winner];
  if (const std::string failure = record_cubin(context, entrants, winning); !failure.empty()) {
    result.why = "the kernel of the winner does not compile any more: " + failure;
    return;
  }
  if (verdict.runner_up) record_cubin(context, entrants, result.trials[*verdict.runner_up]);
  for (const Trial& each : result.trials) {
    const bool runs = each.outcome == Outcome::kMeasured || each.outcome == Outcome::kPredicted;
    if (each.contender == Contender::kDefault && runs) record_cubin(context, entrants, each);
  }
  result.winner = crown(winning, result.trials, context.lineup, verdict.reason);
  context.store.record(*result.winner, context.environment);
  context.progress(Stage::kRecord, 1, 1);
}

}  // namespace deepgemm::autotune
