#include "autotune/tuner.h"

#include <algorithm>
#include <array>
#include <utility>

#include "autotune/asked.h"
#include "autotune/lineup.h"
#include "autotune/look_ahead.h"
#include "autotune/stages.h"
#include "core/default_config.h"
#include "core/error.h"

namespace deepgemm::autotune {
namespace {

// Of a budget, what heats may take: the final decides. Where nothing is new, the final is what is
// missing.
constexpr double kBuildShare = 0.85;
constexpr double kRerunShare = 0.5;

constexpr std::array<std::string_view, 3> kEfforts{"quick", "default", "exhaustive"};
constexpr std::array<std::string_view, 5> kStages{"enumerate", "compile", "verify", "measure",
                                                  "record"};

double seconds_since(Deadline::Clock::time_point start) {
  return std::chrono::duration<double>(Deadline::Clock::now() - start).count();
}

bool is_predicted(const core::Trial& trial) { return trial.outcome == core::Outcome::kPredicted; }

// Whether it ended the process that ran it.
bool was_lost(const Entrant& entrant) {
  const core::Trial& trial = entrant.trial;
  return is_ours(trial) &&
         std::ranges::find(core::kQuarantining, trial.outcome) != core::kQuarantining.end();
}

// Whether it was chosen of all of those trials: a call that ended undecided leaves more.
bool knew_all(const core::Winner& winner, const std::vector<core::Trial>& trials) {
  return std::ranges::count_if(trials, is_ours) <= winner.trials;
}

// Of a budget that ran out: where no winner was found, and no candidate was found to be bad.
void skip_unanswered(TuneResult& result) {
  const auto failed = [](const core::Trial& each) {
    return is_ours(each) && !is_predicted(each) && each.outcome != core::Outcome::kMeasured;
  };
  if (result.winner || std::ranges::any_of(result.trials, failed)) return;
  result.skipped = true;
  result.why = "the budget ran out before this shape had an answer";
}

}  // namespace

std::optional<Effort> effort_named(std::string_view text) {
  for (std::size_t i = 0; i < kEfforts.size(); ++i) {
    if (kEfforts[i] == text) return static_cast<Effort>(i);
  }
  return std::nullopt;
}

std::string_view name(Effort effort) { return kEfforts.at(static_cast<std::size_t>(effort)); }

std::string_view name(Stage stage) { return kStages.at(static_cast<std::size_t>(stage)); }

Tuner::Tuner(const core::DeviceInfo& device, const core::Environment& environment,
             SearchSpace space, core::KernelBuilder& builder, core::CompilePool& pool,
             Executor* executor, core::TrialStore& store, TuneOptions options,
             TuneObserver& observer, const std::atomic<bool>& stop)
    : device_(device),
      environment_(environment),
      space_(std::move(space)),
      builder_(builder),
      pool_(pool),
      executor_(executor),
      store_(store),
      options_(options),
      observer_(observer),
      stop_(stop),
      calibrator_(device) {}

Tuner::~Tuner() = default;

TuneResult Tuner::run(const core::GemmProblem& problem, const core::GemmProblem* next) {
  const auto start = Deadline::Clock::now();
  if (const auto why = core::why_illegal(problem)) {
    throw core::UsageError(core::to_string(problem) + " cannot be tuned: " + *why,
                           "Give a shape that keeps the rule.");
  }
  throw_if_set(stop_);
  TuneResult result;
  result.problem = problem;
  result.draw = options_.draws.of(problem);

  const std::optional<core::Winner> before = stored_winner(problem);
  const bool decided = before && core::is_decided(*before) && core::is_searched(*before);
  const Deadline deadline(start, options_.budget_seconds);
  const Deadline last_moment = last_moment_.value_or(deadline.later(kGraceSeconds));
  const auto finish = [&] {
    result.seconds = seconds_since(start);
    return std::move(result);
  };
  const core::Calibration rates = rates_of(before);
  const core::DeviceInfo modelled = calibrated(device_, rates);
  const auto asked_at = [&](const core::DeviceInfo& device) {
    return asked_for(problem, options_.effort, space_,
                     CostModel(device, core::rows_of_groups(problem, result.draw)),
                     core::default_config(problem, device_));
  };
  const std::string asked = asked_at(modelled);
  const auto resume = [&](std::vector<core::Trial> trials) {
    result.winner = before;
    result.why = before->reason;
    result.trials = std::move(trials);
    result.resumed = true;
    tell_of_barred(before);
    return finish();
  };
  if (decided && !options_.force && before->asked == asked) return resume(answers(problem));
  if (!before && executor_ != nullptr && !options_.force && options_.ask_twins) {
    result.winner = answer_of_twin(problem, asked_at);
    if (result.winner) {
      result.why = result.winner->reason;
      result.resumed = result.of_twin = true;
      return finish();
    }
  }
  // No time to measure anything: what is stored stands, and the next call goes on.
  if (deadline.passed()) {
    TuneResult known = result;
    answer_from_store(known, last_moment);
    if (last_moment.passed()) skip_unanswered(known);
    if (known.winner || known.skipped) {
      result = std::move(known);
      return finish();
    }
  }

  // Enumerate and prune; the effort and the store cut.
  std::optional<Plan> plan = ahead_ ? ahead_->take(problem, modelled) : std::nullopt;
  space_.runnable(device_, problem.operation, &stop_);
  result.plan = plan ? *std::move(plan) : make_plan(problem, space_, modelled, result.draw);
  observer_.progress(problem, Stage::kEnumerate, 1, 1);
  if (result.plan.ranked.empty()) {
    observer_.note(
        "no config that --fix allows passes the rules, and only the untuned default is "
        "tried; --dry-run shows which rules remove them");
  }
  const std::vector<core::Winner> here = proposers_here(problem);
  std::vector<core::GemmConfig> chosen;
  if (before && before->measured) {
    chosen.push_back(before->config);
    if (before->runner_up_us > 0) chosen.push_back(before->runner_up_config);
  }
  const std::vector<core::Winner> elsewhere = store_.winners_elsewhere(problem, environment_);
  const bool settled = decided && (executor_ == nullptr || knew_all(*before, answers(problem)));
  Lineup lineup = line_up(
      problem, result.plan, {device_, CostModel(modelled, result.plan.rows), barred(), &space_},
      options_.effort, {stored(problem), settled, chosen}, {here, elsewhere}, executor_ != nullptr);
  // Where all that may win are quarantined, none is left to race it.
  const bool stands = settled || (decided && lineup.undecided.empty());
  if (lineup.answered && stands) return resume(lineup.known);
  // Only ranking took that long.
  if (deadline.passed() && before) {
    answer_from_store(result, last_moment);
    return finish();
  }

  if (lineup.left_out > 0) {
    observer_.note(std::to_string(lineup.left_out) +
                   (lineup.left_out == 1 ? " kernel is" : " kernels are") +
                   " left out after ending the process that ran it for another shape" +
                   (options_.force ? "" : "; --force tries again"));
  }
  tell_of_barred(before);
  if (lineup.seeds > 0) {
    observer_.note(std::to_string(lineup.seeds) +
                   (lineup.seeds == 1 ? " winner measured in another environment is"
                                      : " winners measured in another environment are") +
                   " tried first");
  }
  // Everything was measured and nothing decided: those that may win race once more.
  if (lineup.answered) lineup.start = lineup.rerun;
  const double share = lineup.answered ? kRerunShare : kBuildShare;
  TuneContext context{
      problem,     device_,     environment_, rates,
      calibrator_, result.plan, lineup,       options_,
      builder_,    pool_,       executor_,    store_,
      observer_,   stop_,       deadline,     Deadline(start, options_.budget_seconds * share),
      last_moment, asked};
  if (next != nullptr) context.look_ahead = [this, next] { look_ahead(*next); };
  if (executor_ != nullptr && !lineup.start.empty()) {
    executor_->end_by(before && before->measured ? deadline : last_moment, last_moment);
    try {
      context.bench = executor_->prepare(problem, result.draw);
    } catch (const OutOfTime&) {
      observer_.note("the budget ends before a worker process is ready");
      answer_from_store(result, last_moment);
      skip_unanswered(result);
      return finish();
    } catch (const core::UsageError& error) {
      // More memory than this GPU has: that ends this problem, not those that come after it.
      result.why = std::string(error.what()) + "; " + error.next_step();
      return finish();
    }
    const std::string note = context.bench->reference_note();
    if (!note.empty()) observer_.note(note);
  }
  std::vector<Entrant> entrants = executor_ == nullptr ? compile_only(context) : run_heats(context);
  if (executor_ != nullptr) run_final(context, entrants);
  quarantined_.reset();
  for (const Entrant& each : entrants) {
    if (was_lost(each)) lost_.push_back(each.trial.config);
  }
  record_winner(context, entrants, result);
  result.budget_ran_out = context.budget_ran_out;
  if (context.budget_ran_out) skip_unanswered(result);
  return finish();
}

// Without a device and without compiling candidates: the winner that is stored, else what the
// stored trials choose.
void Tuner::answer_from_store(TuneResult& result, const Deadline& last_moment) {
  result.budget_ran_out = true;
  Lineup lineup;
  lineup.known = answers(result.problem);
  result.winner = stored_winner(result.problem);
  if (result.winner) {
    result.stands = true;
    result.why = result.winner->reason;
    result.trials = std::move(lineup.known);
    return;
  }
  if (!lineup.known.empty()) {
    lineup.fallback.config = core::default_config(result.problem, device_);
    lineup.quarantined = barred();
    const core::Calibration rates = rates_of(std::nullopt);
    const Plan none;
    TuneContext context{result.problem, device_,  environment_, rates,       calibrator_, none,
                        lineup,         options_, builder_,     pool_,       executor_,   store_,
                        observer_,      stop_,    last_moment,  last_moment, last_moment};
    context.budget_ran_out = true;
    record_winner(context, {}, result);
  }
}

std::vector<core::Trial> Tuner::stored(const core::GemmProblem& problem) const {
  if (options_.force) return {};
  // Times of other rows answer nothing, nor do the few samples of a probe.
  const std::string rows = core::unusual_rows(problem, options_.draws.of(problem));
  std::vector<core::Trial> newest;
  for (core::Trial& each : store_.trials(problem, environment_)) {
    if (core::is_probe(each) || !core::tells_of(each, rows)) continue;
    std::erase_if(newest, [&each](const core::Trial& older) {
      return older.contender == each.contender && older.config == each.config;
    });
    newest.push_back(std::move(each));
  }
  return newest;
}

// Those that tell how good a config is.
std::vector<core::Trial> Tuner::answers(const core::GemmProblem& problem) const {
  std::vector<core::Trial> trials = stored(problem);
  std::erase_if(trials, [this](const core::Trial& each) {
    const bool predicted = executor_ != nullptr && is_predicted(each);
    return predicted || each.outcome == core::Outcome::kVerified;
  });
  return trials;
}

// Of the rows that this call measures: what won for others decides nothing here.
std::optional<core::Winner> Tuner::stored_winner(const core::GemmProblem& problem) const {
  return store_.winner(problem, environment_,
                       core::unusual_rows(problem, options_.draws.of(problem)));
}

// Of another GPU of this host or kind: the library serves it here as it does there. A job that
// begins again, and is given another GPU, has nothing to do then either.
std::optional<core::Winner> Tuner::answer_of_twin(const core::GemmProblem& problem,
                                                  const AskedAt& asked_at) {
  const std::vector<core::Winner> twins = store_.winners_of_twins(
      problem, environment_, core::unusual_rows(problem, options_.draws.of(problem)));
  const auto answers = [&](const core::Winner& twin) {
    return core::is_decided(twin) && core::is_searched(twin) &&
           twin.asked == asked_at(calibrated(device_, twin.ranked_at));
  };
  const auto twin = std::ranges::find_if(twins, answers);
  if (twin == twins.end()) return std::nullopt;
  // But not with what failed here.
  const std::vector<core::Trial> own = store_.trials(problem, environment_);
  const bool failed = std::ranges::any_of(own, [&](const core::Trial& each) {
    return each.config == twin->config && !each.detail.empty();
  });
  return failed || is_barred(twin->config) ? std::nullopt : std::optional(*twin);
}

// Configs that are not tried. With --force only what this call has lost: everything else is asked
// again, but not for each shape.
const std::vector<core::GemmConfig>& Tuner::barred() {
  if (options_.force) return lost_;
  if (!quarantined_) quarantined_ = store_.quarantined(environment_);
  return *quarantined_;
}

bool Tuner::is_barred(const core::GemmConfig& config) {
  return std::ranges::find(barred(), config) != barred().end();
}

// It goes on answering its shape, where it did nothing wrong.
void Tuner::tell_of_barred(const std::optional<core::Winner>& stored) {
  if (options_.force || !stored || !stored->measured || !is_barred(stored->config)) return;
  observer_.note("the stored winner of " + core::to_string(stored->problem) + ", " +
                 core::short_name(stored->config) +
                 ", has ended a process that ran it; --force measures anew");
}

// Whose configs are tried early, beside those that won with other kernels, drivers or cards of this
// kind: those that won for other m's, and what won for this one where everything is measured anew,
// so that a budget leaves time to compare with it.
std::vector<core::Winner> Tuner::proposers_here(const core::GemmProblem& problem) const {
  std::vector<core::Winner> winners = store_.winners_of_family(problem, environment_);
  if (!options_.force) return winners;
  if (auto own = stored_winner(problem)) winners.push_back(*std::move(own));
  return winners;
}

// A row keeps the rates that it was ranked at: a calibration that was fitted later is no reason to
// try others for it.
core::Calibration Tuner::rates_of(const std::optional<core::Winner>& before) const {
  if (!options_.force && before) return before->ranked_at;
  return store_.calibration(environment_).value_or(core::Calibration());
}

void Tuner::look_ahead(const core::GemmProblem& problem) {
  if (executor_ == nullptr || core::why_illegal(problem)) return;
  // What the store answers is not compiled again, a winner or not: another effort may want more.
  std::vector<core::GemmConfig> known;
  for (const core::Trial& each : stored(problem)) known.push_back(each.config);
  const core::DeviceInfo modelled = calibrated(device_, rates_of(stored_winner(problem)));
  space_.runnable(device_, problem.operation, &stop_);
  if (!ahead_) ahead_ = std::make_unique<LookAhead>(space_, pool_);
  ahead_->begin({problem, options_.draws.of(problem), modelled, options_.effort,
                 core::default_config(problem, device_), std::move(known)});
}

}  // namespace deepgemm::autotune
