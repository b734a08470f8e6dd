#include "autotune/tuner.h"

#include <array>

#include "autotune/lineup.h"
#include "autotune/look_ahead.h"
#include "autotune/stages.h"
#include "core/default_config.h"
#include "core/error.h"

namespace deepgemm::autotune {
namespace {

// Of a budget, what heats may take: the final decides.
constexpr double kBuildShare = 0.85;

constexpr std::array<std::string_view, 3> kEfforts{"quick", "default", "exhaustive"};
constexpr std::array<std::string_view, 5> kStages{"enumerate", "compile", "verify", "measure",
                                                  "record"};

double seconds_since(Deadline::Clock::time_point start) {
  return std::chrono::duration<double>(Deadline::Clock::now() - start).count();
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

  // Enumerate and prune; the effort and the store cut.
  const core::Calibration rates = rates_of(problem);
  const core::DeviceInfo modelled = calibrated(device_, rates);
  std::optional<Plan> plan = ahead_ ? ahead_->take(problem, modelled) : std::nullopt;
  result.plan = plan ? *std::move(plan) : make_plan(problem, space_, modelled, result.draw);
  observer_.progress(problem, Stage::kEnumerate, 1, 1);
  const std::vector<core::GemmConfig> quarantined =
      options_.force ? std::vector<core::GemmConfig>() : store_.quarantined(environment_);
  const std::vector<core::Winner> here = proposers_here(problem);
  const std::vector<core::Winner> elsewhere = store_.winners_elsewhere(problem, environment_);
  const std::optional<core::Winner> before = stored_winner(problem);
  const bool decided = before && core::is_decided(*before);
  Lineup lineup = line_up(
      problem, result.plan, {device_, CostModel(modelled, result.plan.rows), quarantined, &space_},
      options_.effort, {stored(problem), decided}, {here, elsewhere}, executor_ != nullptr);
  if (lineup.answered && decided) {
    result.winner = before;
    result.why = result.winner->reason;
    result.trials = lineup.known;
    result.resumed = true;
    result.seconds = seconds_since(start);
    return result;
  }

  const Deadline deadline(start, options_.budget_seconds);
  // No time to measure anything: what is stored stands, and the next call goes on.
  if (deadline.passed() && before) {
    result.winner = before;
    result.why = result.winner->reason;
    result.trials = lineup.known;
    result.budget_ran_out = true;
    result.seconds = seconds_since(start);
    return result;
  }

  if (lineup.left_out > 0) {
    observer_.note(std::to_string(lineup.left_out) +
                   (lineup.left_out == 1 ? " kernel is" : " kernels are") +
                   " left out after ending the process that ran it for another shape; --force "
                   "tries again");
  }
  if (lineup.seeds > 0) {
    observer_.note(std::to_string(lineup.seeds) +
                   (lineup.seeds == 1 ? " winner measured in another environment is"
                                      : " winners measured in another environment are") +
                   " tried first");
  }
  // Everything was measured and nothing decided: those that may win race once more.
  if (lineup.answered) lineup.start = lineup.rerun;
  TuneContext context{problem,      device_,
                      environment_, rates,
                      calibrator_,  result.plan,
                      lineup,       options_,
                      builder_,     pool_,
                      executor_,    store_,
                      observer_,    stop_,
                      deadline,     Deadline(start, options_.budget_seconds * kBuildShare)};
  if (next != nullptr) context.look_ahead = [this, next] { look_ahead(*next); };
  if (executor_ != nullptr && !lineup.start.empty()) {
    try {
      context.bench = executor_->prepare(problem, result.draw);
    } catch (const core::UsageError& error) {
      // More memory than this GPU has: that ends this problem, not those that come after it.
      result.why = std::string(error.what()) + "; " + error.next_step();
      result.seconds = seconds_since(start);
      return result;
    }
    const std::string note = context.bench->reference_note();
    if (!note.empty()) observer_.note(note);
  }
  std::vector<Entrant> entrants = executor_ == nullptr ? compile_only(context) : run_heats(context);
  if (executor_ != nullptr) run_final(context, entrants);
  record_winner(context, entrants, result);
  result.budget_ran_out = context.budget_ran_out;
  result.seconds = seconds_since(start);
  return result;
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

// Of the rows that this call measures: what won for others decides nothing here.
std::optional<core::Winner> Tuner::stored_winner(const core::GemmProblem& problem) const {
  return store_.winner(problem, environment_,
                       core::unusual_rows(problem, options_.draws.of(problem)));
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
core::Calibration Tuner::rates_of(const core::GemmProblem& problem) const {
  if (!options_.force) {
    if (const auto winner = stored_winner(problem)) return winner->ranked_at;
  }
  return store_.calibration(environment_).value_or(core::Calibration());
}

void Tuner::look_ahead(const core::GemmProblem& problem) {
  if (executor_ == nullptr || core::why_illegal(problem)) return;
  // What the store answers is not compiled again, a winner or not: another effort may want more.
  std::vector<core::GemmConfig> known;
  for (const core::Trial& each : stored(problem)) known.push_back(each.config);
  const core::DeviceInfo modelled = calibrated(device_, rates_of(problem));
  space_.runnable(device_, problem.operation);
  if (!ahead_) ahead_ = std::make_unique<LookAhead>(space_, pool_);
  ahead_->begin({problem, options_.draws.of(problem), modelled, options_.effort,
                 core::default_config(problem, device_), std::move(known)});
}

}  // namespace deepgemm::autotune
