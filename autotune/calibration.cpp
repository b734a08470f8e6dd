#include "autotune/calibration.h"

#include <cmath>
#include <vector>

#include "autotune/cost_model.h"

namespace deepgemm::autotune {
namespace {

constexpr double kSteps[] = {0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.35, 1.5};
// Of the error of the model as it is: more must be explained than a coincidence would.
constexpr double kWorthIt = 0.8;

// Root mean square of how the logarithms of measured over predicted time scatter. The faster ones
// weigh more: where the slow ones lie changes nothing.
double scatter(const core::DeviceInfo& device, const std::vector<const core::Trial*>& trials,
               double best_us) {
  const CostModel model(device);
  double weights = 0;
  double sum = 0;
  double squares = 0;
  for (const core::Trial* each : trials) {
    const double us = each->measurement.median_us;
    const double weight = best_us * best_us / (us * us);
    const double off = std::log(us / model.predict(each->problem, each->config).total_us);
    weights += weight;
    sum += weight * off;
    squares += weight * off * off;
  }
  const double mean = sum / weights;
  return std::sqrt(std::max(0.0, squares / weights - mean * mean));
}

}  // namespace

core::DeviceInfo calibrated(core::DeviceInfo device, const Calibration& calibration) {
  device.memory_gbps *= calibration.memory;
  device.tensor_tflops *= calibration.math;
  device.clock_mhz = static_cast<int>(std::lround(device.clock_mhz * calibration.math));
  return device;
}

Calibration calibrate(const core::DeviceInfo& device, std::span<const core::Trial* const> trials) {
  std::vector<const core::Trial*> measured;
  double best_us = 0;
  for (const core::Trial* each : trials) {
    const bool ours = each->contender == core::Contender::kCandidate ||
                      each->contender == core::Contender::kDefault;
    const double us = each->measurement.median_us;
    if (!ours || each->outcome != core::Outcome::kMeasured || us <= 0) continue;
    measured.push_back(each);
    if (best_us == 0 || us < best_us) best_us = us;
  }
  Calibration best;
  if (measured.size() < kLeastTrialsToCalibrate) return best;
  double least = kWorthIt * scatter(device, measured, best_us);
  for (const double memory : kSteps) {
    for (const double math : kSteps) {
      const Calibration tried{memory, math};
      const double error = scatter(calibrated(device, tried), measured, best_us);
      if (error < least) {
        least = error;
        best = tried;
      }
    }
  }
  return best;
}

}  // namespace deepgemm::autotune
