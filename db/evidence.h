// Which trials a winner stands on.
#pragma once

#include <span>

#include "db/tuning_db.h"

namespace deepgemm::db {

// Whether a trial is of the problem, the environment and the rows that the winner is of. A probe is
// none: its race had other entrants and another aim.
bool may_support(const TrialRow& trial, const WinnerRow& winner);

// Of those that may support the winner; nullptr where there is none.
struct Evidence {
  const TrialRow* winner = nullptr;  // null where the default won, which has a trial of its own
  // The candidate that the winner's row names, else the fastest beside the winner.
  const TrialRow* runner_up = nullptr;
  const TrialRow* fallback = nullptr;  // the newest of the untuned default
  const TrialRow* block = nullptr;     // and of the libraries
  const TrialRow* tensorwide = nullptr;
};

// `trials` are those of the winner's problem, the oldest first; the result points into them. Where
// no search ran at that m, as in a row that export added between tuned ones, probes are the
// evidence.
Evidence evidence_of(const WinnerRow& row, std::span<const TrialRow> trials);

}  // namespace deepgemm::db
