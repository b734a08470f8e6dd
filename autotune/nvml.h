// Clocks, limits, slow-downs and users of one GPU, read from NVML where it is present.
#pragma once

#include <memory>
#include <string>

#include "core/trial.h"

namespace deepgemm::autotune {

class Nvml {
 public:
  // `uuid` as the driver writes it, "GPU-…". Where NVML is missing every reading is empty.
  explicit Nvml(const std::string& uuid);
  ~Nvml();

  int sm_clock_mhz() const;           // of this moment; 0 where unknown
  int application_clock_mhz() const;  // as set with nvidia-smi -ac; 0 where unknown
  int power_limit_w() const;          // that is enforced, whoever set it; 0 where unknown
  // Thermal or hardware slow-down is on. The power cap is normal and does not count.
  bool slowed() const;
  // Processes with a CUDA context on it, this one counted; 0 where unknown. In a container those
  // outside of it may be hidden.
  int processes() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Fills the clock limits that only NVML knows, of the GPU that the environment names.
void add_nvml_limits(core::Environment& environment);

}  // namespace deepgemm::autotune
