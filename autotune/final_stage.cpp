#include <algorithm>
#include <utility>

#include "autotune/stages.h"
#include "autotune/statistics.h"

namespace deepgemm::autotune {
namespace {

using core::Contender;
using core::Outcome;

// Most finals end sooner; those whose candidates lie at the edge of the tie band use them up.
int most_rounds(Effort effort) { return effort == Effort::kQuick ? 40 : 3000; }

// Nobody is halved away here: only who is clearly slower leaves.
StoppingRule final_rule(Effort effort) {
  return StoppingRule({.batch = 5,
                       .min_rounds = 20,
                       .max_rounds = most_rounds(effort),
                       .precision = 0.004,
                       .finalists = 1000,
                       .edge = kTieShare,
                       .gain = kGainShare});
}

void admit_library(TuneContext& context, Contender contender, std::vector<Entrant>& entrants) {
  if (context.deadline.passed()) return;
  Entrant& entrant = entrants.emplace_back();
  entrant.trial.problem = context.problem;
  entrant.trial.contender = contender;
  entrant.trial.policy = context.policy();
  Workbench::Admission admission;
  try {
    admission = context.bench->admit(contender, nullptr);
  } catch (const OutOfTime&) {
    entrants.pop_back();  // nobody's failure
    return;
  }
  if (admission.failure.empty()) {
    entrant.trial.outcome = Outcome::kMeasured;
    entrant.id = admission.id;
  } else {
    entrant.trial.outcome = Outcome::kLaunchFailed;
    entrant.trial.detail = admission.failure;
    context.record(entrant);
  }
}

void confirm_all(TuneContext& context, std::vector<Entrant>& entrants) {
  std::vector<Entrant*> timed;
  for (Entrant& each : entrants) {
    if (each.id >= 0 && each.race >= 0) timed.push_back(&each);
  }
  confirm_times(context, timed);
}

}  // namespace

void run_final(TuneContext& context, std::vector<Entrant>& entrants) {
  const auto fit = [](const Entrant& each) { return each.id >= 0; };
  if (std::none_of(entrants.begin(), entrants.end(), fit)) return;
  throw_if_set(context.stop);
  confirm_all(context, entrants);
  context.bench->end_by(context.deadline, context.last_moment);
  admit_library(context, Contender::kCublasLtBlock, entrants);
  admit_library(context, Contender::kCublasLtTensorwide, entrants);
  std::vector<std::size_t> who;
  for (std::size_t i = 0; i < entrants.size(); ++i) {
    if (fit(entrants[i])) who.push_back(i);
  }
  if (!run_race(context, entrants, who,
                {final_rule(context.options.effort), context.deadline, true})) {
    if (!context.budget_ran_out) context.observer.note("the budget ends within the final rounds");
    context.budget_ran_out = true;
    context.final_cut = true;
  }
  // A time may look too good in these rounds alone.
  confirm_all(context, entrants);
  context.progress(Stage::kMeasure, 1, 1);
}

}  // namespace deepgemm::autotune
