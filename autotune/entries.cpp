#include <algorithm>

#include "autotune/stages.h"

namespace deepgemm::autotune {
namespace {

using core::Contender;
using core::Outcome;
using core::Trial;

// Builds under way or done ahead of the one that is waited for: enough for the GPU never to wait
// where the compiler is faster, and few enough to keep in memory.
constexpr std::size_t kLeastAhead = 32;

void fail(Trial& trial, Outcome outcome, std::string detail) {
  trial.outcome = outcome;
  trial.detail = std::move(detail);
}

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
  trial.policy = context.policy();
  if (!build.cubin) {
    fail(trial, Outcome::kCompileFailed, build.failure);
    return entrant;
  }
  trial.build = build.cubin->build;
  entrant.cubin = std::move(build.cubin);
  return entrant;
}

}  // namespace

Entries::Entries(TuneContext& context, const std::vector<RankedCandidate>& list)
    : context_(context), list_(list), cancelled_(std::make_shared<std::atomic<bool>>(false)) {
  submit();
}

// What is still in the pool's queue passes through it without being built.
Entries::~Entries() { *cancelled_ = true; }

void Entries::submit() {
  const std::size_t ahead =
      std::max(kLeastAhead, 4 * static_cast<std::size_t>(context_.pool.threads()));
  while (submitted_ < std::min(list_.size(), taken_ + ahead)) {
    builds_.push_back(context_.pool.submit(list_[submitted_++].config, cancelled_));
  }
}

std::optional<Entrant> Entries::next(const Deadline& deadline) {
  submit();
  std::future<core::BuildResult>& build = builds_.front();
  throw_if_set(context_.stop);
  // Nor one that is ready: it must be verified and timed, too.
  if (deadline.passed() || !wait_for_result(build, context_.stop, deadline)) return std::nullopt;
  Entrant entrant = enter(context_, list_[taken_++], build.get());
  builds_.pop_front();
  context_.progress(Stage::kCompile, taken_, list_.size());
  return entrant;
}

void verify(Workbench& bench, Entrant& entrant, const Trial* known) {
  Trial& trial = entrant.trial;
  const Workbench::Admission admission = bench.admit(trial.contender, &*entrant.cubin);
  if (!admission.failure.empty()) {
    fail(trial, admission.outcome, admission.failure);
    return;
  }
  const Check check = known != nullptr ? Check{Outcome::kMeasured, "", known->verification}
                                       : bench.verify(admission.id);
  trial.verification = check.verification;
  if (check.outcome == Outcome::kMeasured) {
    trial.outcome = check.outcome;
    entrant.id = admission.id;
  } else {
    fail(trial, check.outcome, check.detail);
    bench.dismiss(admission.id);
  }
}

std::vector<Entrant> compile_only(TuneContext& context) {
  std::vector<Entrant> entrants;
  for (Entries entries(context, context.lineup.start); entries.has_next();) {
    // The first is the usable answer, and may take until the last moment.
    std::optional<Entrant> next =
        entries.next(entrants.empty() ? context.last_moment : context.build_deadline);
    if (!next) {
      context.budget_ran_out = true;
      context.observer.note("the budget ends with " + std::to_string(entrants.size()) + " of " +
                            std::to_string(context.lineup.start.size()) + " kernels compiled");
      break;
    }
    context.record(entrants.emplace_back(std::move(*next)));
  }
  return entrants;
}

}  // namespace deepgemm::autotune
