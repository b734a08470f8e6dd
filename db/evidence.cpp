#include "db/evidence.h"

#include "core/group_rows.h"

namespace deepgemm::db {
namespace {

using core::Contender;
using core::Outcome;

double time_of(const TrialRow& row) {
  const bool measured = row.trial.outcome == Outcome::kMeasured;
  return measured ? row.trial.measurement.median_us : row.trial.predicted_us;
}

bool can_follow(const TrialRow& row, const WinnerRow& winner) {
  return row.trial.outcome == (winner.winner.measured ? Outcome::kMeasured : Outcome::kPredicted);
}

// Whom the winner's race had second. What left an earlier heat after a few samples may have the
// less median.
bool is_named(const TrialRow& row, const WinnerRow& winner) {
  return winner.winner.runner_up_us > 0 && row.trial.config == winner.winner.runner_up_config;
}

bool follows_closer(const TrialRow& a, const TrialRow& b, const WinnerRow& winner) {
  if (is_named(a, winner) != is_named(b, winner)) return is_named(a, winner);
  return time_of(a) < time_of(b);
}

void add_candidate(Evidence& evidence, const WinnerRow& row, const TrialRow& each) {
  if (each.trial.kernel_key == row.winner.kernel_key) {
    evidence.winner = &each;
  } else if (can_follow(each, row) &&
             (evidence.runner_up == nullptr || follows_closer(each, *evidence.runner_up, row))) {
    evidence.runner_up = &each;
  }
}

bool is_of(const TrialRow& trial, const WinnerRow& winner) {
  return core::tells_of(trial.trial, winner.winner.rows) &&
         trial.trial.problem == winner.winner.problem &&
         core::agree(trial.environment, winner.environment);
}

// Of the trials that were probes, or of those that were not.
Evidence collect(const WinnerRow& row, std::span<const TrialRow> trials, bool probes) {
  Evidence evidence;
  for (const TrialRow& each : trials) {
    if (core::is_probe(each.trial) != probes || !is_of(each, row)) continue;
    // A check alone says nothing of how fast a kernel is, whenever it was stored.
    if (each.trial.outcome == Outcome::kVerified) continue;
    switch (each.trial.contender) {
      case Contender::kCandidate:
        add_candidate(evidence, row, each);
        break;
      case Contender::kDefault:
        evidence.fallback = &each;
        break;
      case Contender::kCublasLtBlock:
        evidence.block = &each;
        break;
      case Contender::kCublasLtTensorwide:
        evidence.tensorwide = &each;
        break;
      case Contender::kMemoryFloor:
        break;
    }
  }
  return evidence;
}

}  // namespace

bool may_support(const TrialRow& trial, const WinnerRow& winner) {
  return !core::is_probe(trial.trial) && is_of(trial, winner);
}

Evidence evidence_of(const WinnerRow& row, std::span<const TrialRow> trials) {
  Evidence evidence = collect(row, trials, false);
  // A row that export added between tuned ones rests on a probe alone.
  const bool was_searched = evidence.winner != nullptr || evidence.fallback != nullptr;
  if (!was_searched) evidence = collect(row, trials, true);
  return evidence;
}

}  // namespace deepgemm::db
