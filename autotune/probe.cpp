#include "autotune/probe.h"

#include <algorithm>
#include <limits>

#include "autotune/race.h"
#include "autotune/verdict.h"

namespace deepgemm::autotune {
namespace {

// Of so many runners the slower ones need no closer look.
void drop_the_slow(Race& race, std::size_t runners, double close) {
  double fastest = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < runners; ++i) {
    if (race.racing(i)) fastest = std::min(fastest, race.measurement(i).median_us);
  }
  for (std::size_t i = 0; i < runners; ++i) {
    if (race.measurement(i).median_us > (1 + close) * fastest) race.leave(i);
  }
}

core::Trial trial_of(const core::GemmProblem& problem, const Returning& kernel,
                     const std::string& policy) {
  core::Trial trial;
  trial.problem = problem;
  trial.contender = kernel.contender;
  trial.config = kernel.cubin->config;
  trial.kernel_key = kernel.cubin->key;
  trial.build = kernel.cubin->build;
  trial.policy = std::string(core::kProbePolicy) + policy;
  return trial;
}

// One probe under way.
class Probe {
 public:
  Probe(Workbench& bench, const std::atomic<bool>& stop, const Deadline& deadline,
        const ProbeBook& book)
      : bench_(bench), deadline_(deadline), book_(book), race_(bench, stop) {}

  void enter(core::Trial trial, const core::Cubin& cubin) {
    const core::Verification* known = book_.checked ? book_.checked(cubin.key) : nullptr;
    const Workbench::Admission admission = bench_.admit(trial.contender, &cubin);
    if (!admission.failure.empty()) {
      fail(trial, admission.outcome, admission.failure);
    } else {
      const Check check = known != nullptr ? Check{core::Outcome::kMeasured, "", *known}
                                           : bench_.verify(admission.id);
      trial.verification = check.verification;
      if (check.outcome != core::Outcome::kMeasured) {
        bench_.dismiss(admission.id);
        fail(trial, check.outcome, check.detail);
      } else {
        trial.outcome = core::Outcome::kVerified;
        if (known == nullptr) record(trial);
        race_.enter(admission.id);
        runners_.push_back({admission.id, trials_.size()});
      }
    }
    trials_.push_back(std::move(trial));
  }

  // Those that are not close to the fastest after the first rounds need no closer look.
  void run(const ProbeOptions& options) {
    if (runners_.empty()) return;
    run_rounds(options.first_rounds);
    drop_the_slow(race_, runners_.size(), options.close);
    run_rounds(options.more_rounds);
  }

  // Nobody is fast beyond what the device can do, or far beyond the others, without a second look.
  std::vector<core::Trial> take_trials(const core::DeviceInfo& device) {
    std::vector<const core::Trial*> field;
    for (std::size_t i = 0; i < runners_.size(); ++i) {
      core::Trial& trial = trials_[runners_[i].trial];
      if (trial.outcome != core::Outcome::kVerified) continue;
      trial.outcome = core::Outcome::kMeasured;
      trial.measurement = race_.measurement(i);
      field.push_back(&trial);
    }
    for (const Runner& runner : runners_) {
      core::Trial& trial = trials_[runner.trial];
      if (trial.outcome != core::Outcome::kMeasured) continue;
      const std::string impossible = why_impossible(trial, device);
      if (!impossible.empty()) {
        fail(trial, core::Outcome::kWrong, impossible);
      } else if (const std::string why = why_suspicious(trial, field); !why.empty()) {
        const Check again = bench_.verify(runner.id);
        if (again.outcome != core::Outcome::kMeasured) {
          fail(trial, again.outcome, why + ", and a second check failed: " + again.detail);
        } else if (again.verification.bits_hash != trial.verification.bits_hash) {
          fail(trial, core::Outcome::kWrong, why + ", and a second check gave other bits");
        }
      }
    }
    std::vector<core::Trial> measured;
    for (const core::Trial* each : field) {
      if (each->outcome == core::Outcome::kMeasured) measured.push_back(*each);
    }
    if (book_.record && !measured.empty()) book_.record(measured);
    return std::move(trials_);
  }

 private:
  struct Runner {
    int id;  // on the bench
    std::size_t trial;
  };

  void record(const core::Trial& trial) {
    if (book_.record) book_.record({&trial, 1});
  }

  // Who failed has no time, whatever it took before.
  void fail(core::Trial& trial, core::Outcome outcome, std::string detail) {
    trial.outcome = outcome;
    trial.detail = std::move(detail);
    trial.measurement = {};
    record(trial);
  }

  void run_rounds(int rounds) {
    bool in_time = true;
    try {
      race_.run(rounds, deadline_);
    } catch (const OutOfTime&) {
      in_time = false;  // who fell before is known all the same
    }
    for (Race::Fallen& each : race_.take_fallen()) {
      fail(trials_[runners_[each.index].trial], each.outcome, std::move(each.detail));
    }
    if (!in_time || deadline_.passed()) throw OutOfTime{};
  }

  Workbench& bench_;
  const Deadline& deadline_;
  const ProbeBook& book_;
  Race race_;
  std::vector<core::Trial> trials_;
  std::vector<Runner> runners_;  // as they are counted in the race
};

}  // namespace

// An odd number of rows below a multiple of 64: where the last tile has fewer rows than it could,
// and A's scales of a k-block begin within a line of memory.
constexpr std::int64_t kOffGrid = 29;

std::vector<std::int64_t> probe_points(std::int64_t largest) {
  std::vector<std::int64_t> points;
  const auto step_after = [](std::int64_t m) -> std::int64_t {
    if (m < 8) return m;
    return m < 64 ? 8 : m < 2048 ? 64 : 128;
  };
  for (std::int64_t m = 1; m <= largest; m += step_after(m)) {
    const bool off_grid = m > 64 && m / step_after(m) % 2 == 0;
    points.push_back(off_grid ? m - kOffGrid : m);
  }
  return points;
}

std::vector<core::Trial> probe(Executor& executor, const core::GemmProblem& problem,
                               std::span<const Returning> kernels, const ProbeOptions& options,
                               const std::atomic<bool>& stop, const Deadline& deadline,
                               const ProbeBook& book) {
  throw_if_set(stop);
  executor.end_by(deadline);
  const std::unique_ptr<Workbench> bench = executor.prepare(problem, {});
  const std::string policy = policy_with(executor.policy(), problem, {});
  Probe probe(*bench, stop, deadline, book);
  for (const Returning& kernel : kernels) {
    throw_if_set(stop);
    if (deadline.passed()) throw OutOfTime{};
    probe.enter(trial_of(problem, kernel, policy), *kernel.cubin);
  }
  probe.run(options);
  return probe.take_trials(executor.device());
}

}  // namespace deepgemm::autotune
