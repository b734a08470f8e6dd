#include <fmt/format.h>

#include <algorithm>

#include "autotune/race.h"
#include "autotune/stages.h"
#include "autotune/stopping_rule.h"

namespace deepgemm::autotune {
namespace {

using core::Contender;
using core::Outcome;

// Below this many samples a measurement says nothing and is not kept.
constexpr std::size_t kFewestSamples = 5;

bool is_library(const Entrant& entrant) {
  return entrant.trial.contender == Contender::kCublasLtBlock ||
         entrant.trial.contender == Contender::kCublasLtTensorwide;
}

void admit_library(TuneContext& context, Contender contender, std::vector<Entrant>& entrants) {
  Entrant& entrant = entrants.emplace_back();
  entrant.trial.problem = context.problem;
  entrant.trial.contender = contender;
  entrant.trial.policy = context.executor->policy();
  const Workbench::Admission admission = context.bench->admit(contender, nullptr);
  if (admission.failure.empty()) {
    entrant.trial.outcome = Outcome::kMeasured;
    entrant.id = admission.id;
  } else {
    entrant.trial.outcome = Outcome::kLaunchFailed;
    entrant.trial.detail = admission.failure;
    context.record(entrant);
  }
}

// Records who need not run on. Whether the others have run long enough.
bool judge(TuneContext& context, const StoppingRule& rule, Race& race,
           std::vector<Entrant>& entrants) {
  std::vector<std::size_t> runners;
  std::vector<core::Measurement> measurements;
  for (std::size_t i = 0; i < entrants.size(); ++i) {
    if (!race.racing(i)) continue;
    runners.push_back(i);
    measurements.push_back(race.measurement(i));
  }
  std::vector<Standing> standings;
  for (std::size_t i = 0; i < runners.size(); ++i) {
    const Entrant& entrant = entrants[runners[i]];
    standings.push_back(
        {&measurements[i], !is_library(entrant), entrant.trial.contender != Contender::kCandidate});
  }
  std::vector<Standing> left = standings;
  for (const std::size_t i : rule.dropouts(standings)) {
    Entrant& entrant = entrants[runners[i]];
    race.leave(runners[i]);
    context.bench->dismiss(entrant.id);
    entrant.trial.measurement = measurements[i];
    context.record(entrant);
    left[i].measurement = nullptr;
  }
  std::erase_if(left, [](const Standing& each) { return each.measurement == nullptr; });
  return rule.enough(left, race.rounds_done());
}

void finish(TuneContext& context, const Race& race, std::vector<Entrant>& entrants) {
  for (std::size_t i = 0; i < entrants.size(); ++i) {
    if (!race.racing(i)) continue;
    core::Measurement measurement = race.measurement(i);
    Entrant& entrant = entrants[i];
    if (measurement.samples_us.size() >= kFewestSamples) {
      entrant.trial.measurement = std::move(measurement);
    }
    // Who was measured alone keeps that; others that a budget cut short stay to be tried.
    if (!entrant.trial.measurement.samples_us.empty()) context.record(entrant);
  }
}

}  // namespace

void measure(TuneContext& context, std::vector<Entrant>& entrants) {
  const auto fit = [](const Entrant& each) { return each.id >= 0; };
  if (!context.bench || std::none_of(entrants.begin(), entrants.end(), fit)) return;
  throw_if_set(context.stop);
  admit_library(context, Contender::kCublasLtBlock, entrants);
  admit_library(context, Contender::kCublasLtTensorwide, entrants);

  // Runner i is entrant i; who did not get this far never runs.
  Race race(*context.bench, context.stop);
  for (const Entrant& each : entrants) {
    const std::size_t index = race.enter(each.id);
    if (!fit(each)) race.leave(index);
  }
  const StoppingRule rule;
  while (const int batch = rule.next_batch(race.rounds_done())) {
    race.run(batch, context.deadline);
    context.progress(Stage::kMeasure, static_cast<std::size_t>(race.rounds_done()),
                     static_cast<std::size_t>(rule.options().max_rounds));
    if (context.deadline.passed()) {
      context.budget_ran_out = true;
      context.observer.note(
          fmt::format("the budget ends after {} rounds of measuring", race.rounds_done()));
      break;
    }
    if (judge(context, rule, race, entrants)) break;
  }
  finish(context, race, entrants);
}

}  // namespace deepgemm::autotune
