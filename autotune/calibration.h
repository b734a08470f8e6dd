// How far a GPU's rates are from those that the cost model assumes, fitted to measured trials.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "core/device.h"
#include "core/trial.h"

namespace deepgemm::autotune {

// Fewer trials than this are not fitted to.
inline constexpr std::ptrdiff_t kLeastTrialsToCalibrate = 32;

// The rates that explain best how the measured trials of ours differ from the others of their
// problem; a factor that all of a problem have in common does not change its ranking. Coarse steps,
// and 1 unless they explain much more: the noise of a day must not choose who is tried.
core::Calibration calibrate(const core::DeviceInfo& device,
                            std::span<const core::Trial* const> trials);

// `device` with those rates.
core::DeviceInfo calibrated(core::DeviceInfo device, const core::Calibration& calibration);

// Fits again as problems come in: after the first with enough trials, and then whenever their
// number has doubled: one kind of problem tells little of what limits another.
class Calibrator {
 public:
  explicit Calibrator(const core::DeviceInfo& device) : device_(device) {}

  // Takes a problem's trials. nullopt where it is not yet time to fit again. What it fits says how
  // many problems it knew.
  std::optional<core::Calibration> learn(std::span<const core::Trial* const> trials);

 private:
  core::DeviceInfo device_;
  std::vector<core::Trial> evidence_;  // without their samples
  std::size_t problems_ = 0;
  std::size_t next_fit_ = 1;
};

}  // namespace deepgemm::autotune
