#include "autotune/probe.h"

#include <algorithm>
#include <limits>

#include "autotune/race.h"

namespace deepgemm::autotune {
namespace {

// The slower ones need no closer look.
void drop_the_slow(Race& race, std::span<const std::size_t> runners, double close) {
  double fastest = std::numeric_limits<double>::infinity();
  for (const std::size_t each : runners) {
    if (race.racing(each)) fastest = std::min(fastest, race.measurement(each).median_us);
  }
  for (const std::size_t each : runners) {
    if (race.measurement(each).median_us > (1 + close) * fastest) race.leave(each);
  }
}

// Who ended a round has no time, whatever it took in the rounds before.
void bury(Race& race, std::span<const std::size_t> trial_of_runner,
          std::vector<core::Trial>& trials) {
  for (Race::Fallen& each : race.take_fallen()) {
    core::Trial& trial = trials[trial_of_runner[each.index]];
    trial.outcome = each.outcome;
    trial.detail = std::move(each.detail);
  }
}

core::Trial checked(Workbench& bench, const core::GemmProblem& problem, const Returning& kernel,
                    const std::string& policy, int& id) {
  BenchmarkEntry entry{};
  entry.contender = kernel.contender;
  id = make_ready(bench, kernel.cubin, entry).value_or(-1);
  core::Trial trial;
  trial.problem = problem;
  trial.contender = kernel.contender;
  trial.config = kernel.cubin->config;
  trial.kernel_key = kernel.cubin->key;
  trial.build = kernel.cubin->build;
  trial.outcome = entry.check.outcome;
  trial.detail = entry.check.detail;
  trial.verification = entry.check.verification;
  trial.policy = std::string(core::kProbePolicy) + policy;
  return trial;
}

}  // namespace

std::vector<std::int64_t> probe_points(std::int64_t largest) {
  std::vector<std::int64_t> points;
  const auto step_after = [](std::int64_t m) -> std::int64_t {
    if (m < 8) return m;
    return m < 64 ? 8 : m < 2048 ? 64 : 128;
  };
  for (std::int64_t m = 1; m <= largest; m += step_after(m)) points.push_back(m);
  return points;
}

std::vector<core::Trial> probe(Executor& executor, const core::GemmProblem& problem,
                               std::span<const Returning> kernels, const ProbeOptions& options,
                               const std::atomic<bool>& stop, const Deadline& deadline) {
  throw_if_set(stop);
  executor.end_by(deadline);
  const std::unique_ptr<Workbench> bench = executor.prepare(problem, {});
  Race race(*bench, stop);
  std::vector<core::Trial> trials;
  std::vector<std::size_t> runners;
  std::vector<std::size_t> trial_of_runner;
  for (const Returning& kernel : kernels) {
    throw_if_set(stop);
    if (deadline.passed()) throw OutOfTime{};
    int id = -1;
    trials.push_back(
        checked(*bench, problem, kernel, policy_with(executor.policy(), problem, {}), id));
    if (id < 0) continue;
    runners.push_back(race.enter(id));
    trial_of_runner.push_back(trials.size() - 1);
  }
  if (runners.empty()) return trials;
  const auto run = [&](int rounds) {
    race.run(rounds, deadline);
    if (deadline.passed()) throw OutOfTime{};
  };
  run(options.first_rounds);
  bury(race, trial_of_runner, trials);
  drop_the_slow(race, runners, options.close);
  run(options.more_rounds);
  bury(race, trial_of_runner, trials);
  for (std::size_t i = 0; i < runners.size(); ++i) {
    core::Trial& trial = trials[trial_of_runner[i]];
    if (trial.outcome == core::Outcome::kMeasured) trial.measurement = race.measurement(runners[i]);
  }
  return trials;
}

}  // namespace deepgemm::autotune
