// Clocks, slow-downs and users of one GPU, read from NVML where it is present.
#pragma once

#include <memory>
#include <string>

namespace deepgemm::autotune {

class Nvml {
 public:
  // `uuid` as the driver writes it, "GPU-…". Where NVML is missing every reading is empty.
  explicit Nvml(const std::string& uuid);
  ~Nvml();

  int sm_clock_mhz() const;  // 0 where unknown
  // Thermal or hardware slow-down is on. The power cap is normal and does not count.
  bool slowed() const;
  // Processes with a CUDA context on it, this one counted; 0 where unknown. In a container those
  // outside of it may be hidden.
  int processes() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace deepgemm::autotune
