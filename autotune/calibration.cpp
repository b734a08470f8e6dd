#include "autotune/calibration.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "autotune/cost_model.h"

namespace deepgemm::autotune {
namespace {

using core::Calibration;
using core::Trial;

// Nearest to 1 first: of rates that explain equally much, the first one stays.
constexpr std::array kSteps{1.0, 0.9, 1.1, 0.8, 1.2, 0.7, 1.35, 0.6, 1.5, 0.5};
// Of the error of the model as it is: more must be explained than a coincidence would.
constexpr double kWorthIt = 0.8;
bool counts(const Trial& trial) {
  const bool ours = trial.contender == core::Contender::kCandidate ||
                    trial.contender == core::Contender::kDefault;
  return ours && trial.outcome == core::Outcome::kMeasured && trial.measurement.median_us > 0;
}

double time_of(const Trial& trial) { return trial.measurement.median_us; }

using ByProblem = std::map<decltype(core::order(core::GemmProblem{})), std::vector<const Trial*>>;

ByProblem measured_by_problem(std::span<const Trial* const> trials) {
  ByProblem problems;
  for (const Trial* each : trials) {
    if (counts(*each)) problems[core::order(each->problem)].push_back(each);
  }
  return problems;
}

// Of one problem: the variance of the logarithms of measured over predicted time. The faster ones
// weigh more: where the slow ones lie changes nothing.
double variance(const CostModel& model, std::span<const Trial* const> trials) {
  double best_us = time_of(*trials.front());
  for (const Trial* each : trials) best_us = std::min(best_us, time_of(*each));
  double weights = 0;
  double sum = 0;
  double squares = 0;
  for (const Trial* each : trials) {
    const double us = time_of(*each);
    const double weight = best_us * best_us / (us * us);
    const double off = std::log(us / model.predict(each->problem, each->config).total_us);
    weights += weight;
    sum += weight * off;
    squares += weight * off * off;
  }
  const double mean = sum / weights;
  return std::max(0.0, squares / weights - mean * mean);
}

// Root mean square over all problems: what all trials of one have in common changes no ranking.
double scatter(const core::DeviceInfo& device, const ByProblem& problems) {
  const CostModel model(device);
  double sum = 0;
  for (const auto& [order, trials] : problems) sum += variance(model, trials);
  return std::sqrt(sum / static_cast<double>(problems.size()));
}

}  // namespace

core::DeviceInfo calibrated(core::DeviceInfo device, const Calibration& calibration) {
  device.memory_gbps *= calibration.memory;
  device.tensor_tflops *= calibration.math;
  device.clock_mhz = static_cast<int>(std::lround(device.clock_mhz * calibration.math));
  return device;
}

Calibration calibrate(const core::DeviceInfo& device, std::span<const Trial* const> trials) {
  Calibration best;
  if (std::ranges::count_if(trials, [](const Trial* each) { return counts(*each); }) <
      kLeastTrialsToCalibrate) {
    return best;
  }
  const ByProblem problems = measured_by_problem(trials);
  double least = kWorthIt * scatter(device, problems);
  for (const double memory : kSteps) {
    for (const double math : kSteps) {
      const Calibration tried{.memory = memory, .math = math};
      const double error = scatter(calibrated(device, tried), problems);
      if (error < least) {
        least = error;
        best = tried;
      }
    }
  }
  return best;
}

std::optional<Calibration> Calibrator::learn(std::span<const Trial* const> trials) {
  const std::size_t before = evidence_.size();
  for (const Trial* each : trials) {
    if (!counts(*each)) continue;
    evidence_.push_back(*each);
    evidence_.back().measurement.samples_us = {};
  }
  if (evidence_.size() == before) return std::nullopt;
  ++problems_;
  if (problems_ < next_fit_ || std::ssize(evidence_) < kLeastTrialsToCalibrate) return std::nullopt;
  next_fit_ = 2 * problems_;
  std::vector<const Trial*> all;
  for (const Trial& each : evidence_) all.push_back(&each);
  Calibration fitted = calibrate(device_, all);
  fitted.problems = static_cast<int>(measured_by_problem(all).size());
  return fitted;
}

}  // namespace deepgemm::autotune
