#include <fmt/format.h>

#include <future>

#include "autotune/race.h"
#include "autotune/stages.h"
#include "autotune/stopping_rule.h"
#include "autotune/verdict.h"
#include "core/compile_pool.h"

namespace deepgemm::autotune {
namespace {

using core::Contender;
using core::Outcome;
using core::Trial;

// How often a wait looks up for an interrupt.
constexpr std::chrono::milliseconds kLookUp{20};

// nullopt where the deadline passes first.
std::optional<core::BuildResult> await(std::future<core::BuildResult>& build,
                                       const std::atomic<bool>& stop, const Deadline& deadline) {
  while (true) {
    throw_if_set(stop);
    if (deadline.passed()) return std::nullopt;
    if (build.wait_for(kLookUp) == std::future_status::ready) return build.get();
  }
}

void fail(Trial& trial, Outcome outcome, std::string detail) {
  trial.outcome = outcome;
  trial.detail = std::move(detail);
}

// The entrant has a cubin, or its outcome says why not.
Entrant enter(const TuneContext& context, const RankedCandidate& candidate,
              core::BuildResult build) {
  const bool is_default = candidate.config == context.lineup.fallback.config;
  Entrant entrant;
  Trial& trial = entrant.trial;
  trial.problem = context.problem;
  trial.contender = is_default ? Contender::kDefault : Contender::kCandidate;
  trial.config = candidate.config;
  trial.predicted_us = candidate.prediction.total_us;
  trial.kernel_key = context.builder.key(candidate.config);
  if (context.executor != nullptr) trial.policy = context.executor->policy();
  if (!build.cubin) {
    fail(trial, Outcome::kCompileFailed, build.failure);
    return entrant;
  }
  trial.build = build.cubin->build;
  entrant.cubin = std::move(build.cubin);
  return entrant;
}

// The entrant has an id and may race, or its outcome says why not.
void verify(Workbench& bench, Entrant& entrant) {
  Trial& trial = entrant.trial;
  const Workbench::Admission admission = bench.admit(trial.contender, &*entrant.cubin);
  if (!admission.failure.empty()) {
    fail(trial, Outcome::kLaunchFailed, admission.failure);
    return;
  }
  const Check check = bench.verify(admission.id);
  trial.verification = check.verification;
  if (check.outcome == Outcome::kMeasured) {
    trial.outcome = check.outcome;
    entrant.id = admission.id;
  } else {
    fail(trial, check.outcome, check.detail);
    bench.dismiss(admission.id);
  }
}

void reject_differing_bits(TuneContext& context, std::vector<Entrant>& entrants) {
  std::vector<Trial*> verified;
  for (Entrant& each : entrants) {
    if (each.id >= 0) verified.push_back(&each.trial);
  }
  reject_dissenters(verified);
  for (Entrant& each : entrants) {
    if (each.id < 0 || each.trial.outcome == Outcome::kMeasured) continue;
    context.bench->dismiss(each.id);
    each.id = -1;
    context.record(each);
  }
}

// So that a budget that ends before the race leaves an answer.
void measure_alone(TuneContext& context, Entrant& entrant) {
  Race race(*context.bench, context.stop);
  const std::size_t index = race.enter(entrant.id);
  race.run(StoppingRule().options().min_rounds);
  entrant.trial.measurement = race.measurement(index);
}

}  // namespace

std::vector<Entrant> compile_and_verify(TuneContext& context) {
  const std::vector<RankedCandidate>& start = context.lineup.start;
  std::vector<std::future<core::BuildResult>> builds;
  core::CompilePool pool(context.builder, context.options.jobs);
  for (const RankedCandidate& each : start) builds.push_back(pool.submit(each.config));

  std::vector<Entrant> entrants;
  bool has_answer = false;
  for (std::size_t i = 0; i < start.size(); ++i) {
    // The first, the default where it can run, is the usable answer: no budget cuts it off.
    const Deadline deadline = i == 0 ? Deadline() : context.build_deadline;
    std::optional<core::BuildResult> build = await(builds[i], context.stop, deadline);
    if (!build) {
      context.budget_ran_out = true;
      context.observer.note(
          fmt::format("the budget ends with {} of {} kernels compiled", i, start.size()));
      break;
    }
    context.progress(Stage::kCompile, i + 1, start.size());
    Entrant& entrant = entrants.emplace_back(enter(context, start[i], std::move(*build)));
    if (context.bench && entrant.cubin) verify(*context.bench, entrant);
    if (context.bench) context.progress(Stage::kVerify, i + 1, start.size());
    // Without a GPU nothing is left to learn; with one, only of those that cannot race.
    if (entrant.id < 0) context.record(entrant);
    if (entrant.id >= 0 && !has_answer && context.deadline.is_set()) {
      measure_alone(context, entrant);
      has_answer = true;
    }
  }
  if (context.bench) reject_differing_bits(context, entrants);
  return entrants;
}

}  // namespace deepgemm::autotune
