#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "autotune/stages.h"
#include "autotune/statistics.h"
#include "autotune/verdict.h"

namespace deepgemm::autotune {
namespace {

using core::Contender;
using core::Outcome;

// Most finals end sooner; those whose candidates lie at the edge of the tie band use them up.
int most_rounds(Effort effort) { return effort == Effort::kQuick ? 40 : 1200; }

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

void reject(TuneContext& context, Entrant& entrant, Outcome outcome, std::string detail) {
  if (entrant.id >= 0) context.bench->dismiss(entrant.id);
  entrant.id = -1;
  entrant.trial.outcome = outcome;
  entrant.trial.detail = std::move(detail);
  context.record(entrant);
}

using Suspects = std::vector<std::pair<Entrant*, std::string>>;

// Whose times look too good and were not confirmed yet, and why.
Suspects suspects(std::vector<Entrant>& entrants) {
  std::vector<const core::Trial*> field;
  for (const Entrant& each : entrants) {
    if (each.id >= 0 && each.race >= 0) field.push_back(&each.trial);
  }
  Suspects found;
  for (Entrant& each : entrants) {
    if (each.id < 0 || each.race < 0 || each.confirmed) continue;
    std::string why = why_suspicious(each.trial, field);
    if (!why.empty()) found.emplace_back(&each, std::move(why));
  }
  return found;
}

// Whether a second check passed. Where the budget ends first, nobody knows: the entrant stays what
// it was found to be, but may not win.
bool is_confirmed(TuneContext& context, Entrant& entrant, const std::string& why) {
  try {
    const Check check = context.bench->verify(entrant.id);
    const bool passed = check.outcome == Outcome::kMeasured;
    if (passed && check.verification.bits_hash == entrant.trial.verification.bits_hash) return true;
    reject(context, entrant, passed ? Outcome::kWrong : check.outcome,
           fmt::format("{}, and a second check failed: {}", why,
                       check.detail.empty() ? "it gave other bits" : check.detail));
  } catch (const OutOfTime&) {
    context.observer.note("the budget ends before the second check; it cannot win yet");
    context.budget_ran_out = true;
    context.bench->dismiss(std::exchange(entrant.id, -1));
    entrant.race = -1;
  }
  return false;
}

// A time that looks too good is taken for a wrong kernel until a second check passes. Where one
// fails, the next best may stand alone, so they are looked for again.
void confirm_suspicious(TuneContext& context, std::vector<Entrant>& entrants) {
  for (Suspects found; !(found = suspects(entrants)).empty();) {
    for (auto& [each, why] : found) {
      context.observer.note(
          fmt::format("{} is checked again: {}", core::short_name(each->trial.config), why));
      each->confirmed = is_confirmed(context, *each, why);
    }
  }
}

// What no machine can do is not believed, however often it is measured.
void reject_impossible(TuneContext& context, std::vector<Entrant>& entrants) {
  for (Entrant& each : entrants) {
    const Contender contender = each.trial.contender;
    const bool ours = contender == Contender::kCandidate || contender == Contender::kDefault;
    if (!ours || each.id < 0 || each.race < 0) continue;
    const std::string why = why_impossible(each.trial, context.device, context.draw());
    if (!why.empty()) reject(context, each, Outcome::kWrong, why);
  }
}

}  // namespace

void run_final(TuneContext& context, std::vector<Entrant>& entrants) {
  const auto fit = [](const Entrant& each) { return each.id >= 0; };
  if (std::none_of(entrants.begin(), entrants.end(), fit)) return;
  throw_if_set(context.stop);
  // What looks too good is checked again though the budget may be over: it might win.
  context.bench->end_by(context.last_moment);
  reject_impossible(context, entrants);
  confirm_suspicious(context, entrants);
  context.bench->end_by(context.deadline);
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
  context.bench->end_by(context.last_moment);
  reject_impossible(context, entrants);
  confirm_suspicious(context, entrants);
  context.progress(Stage::kMeasure, 1, 1);
}

}  // namespace deepgemm::autotune
