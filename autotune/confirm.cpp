#include <fmt/format.h>

#include <utility>

#include "autotune/stages.h"
#include "autotune/verdict.h"

namespace deepgemm::autotune {
namespace {

using core::Outcome;

void reject(TuneContext& context, Entrant& entrant, Outcome outcome, std::string detail) {
  if (entrant.id >= 0) context.bench->dismiss(entrant.id);
  entrant.id = -1;
  entrant.trial.outcome = outcome;
  entrant.trial.detail = std::move(detail);
  context.record(entrant);
}

using Suspects = std::vector<std::pair<Entrant*, std::string>>;

// Whose times look too good and were not confirmed yet, and why.
Suspects suspects(std::span<Entrant* const> entrants) {
  std::vector<const core::Trial*> field;
  for (const Entrant* each : entrants) {
    if (each->id >= 0) field.push_back(&each->trial);
  }
  Suspects found;
  for (Entrant* each : entrants) {
    if (each->id < 0 || each->confirmed) continue;
    std::string why = why_suspicious(each->trial, field);
    if (!why.empty()) found.emplace_back(each, std::move(why));
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
    context.final_cut = true;
    context.bench->dismiss(std::exchange(entrant.id, -1));
    entrant.race = -1;
  }
  return false;
}

// What no machine can do is not believed, however often it is measured.
void reject_impossible(TuneContext& context, std::span<Entrant* const> entrants) {
  for (Entrant* each : entrants) {
    if (!is_ours(each->trial) || each->id < 0) continue;
    const std::string why = why_impossible(each->trial, context.device, context.draw());
    if (!why.empty()) reject(context, *each, Outcome::kWrong, why);
  }
}

}  // namespace

void confirm_times(TuneContext& context, std::span<Entrant* const> entrants) {
  context.bench->end_by(context.last_moment);
  reject_impossible(context, entrants);
  // Where a check fails, the next best may stand alone, so they are looked for again.
  for (Suspects found; !(found = suspects(entrants)).empty();) {
    for (auto& [each, why] : found) {
      context.observer.note(
          fmt::format("{} is checked again: {}", core::short_name(each->trial.config), why));
      each->confirmed = is_confirmed(context, *each, why);
    }
  }
}

}  // namespace deepgemm::autotune
