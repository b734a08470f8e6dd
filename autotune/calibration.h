// How far a GPU's rates are from those that the cost model assumes, fitted to measured trials.
#pragma once

#include <span>

#include "core/device.h"
#include "core/trial.h"

namespace deepgemm::autotune {

// The device's rates over those of its DeviceInfo.
struct Calibration {
  double memory = 1;  // bandwidth
  double math = 1;    // clocks

  friend bool operator==(const Calibration&, const Calibration&) = default;
};

// Fewer trials than this are not fitted to.
inline constexpr std::size_t kLeastTrialsToCalibrate = 32;

// The rates that explain best how the measured trials of ours differ from each other; a factor that
// all have in common does not change a ranking. Coarse steps, and 1 unless they explain much more:
// the noise of a day must not choose who is tried.
Calibration calibrate(const core::DeviceInfo& device, std::span<const core::Trial* const> trials);

// `device` with those rates.
core::DeviceInfo calibrated(core::DeviceInfo device, const Calibration& calibration);

}  // namespace deepgemm::autotune
