// Clocks and slow-downs of one GPU, read from NVML where it is present.
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

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace deepgemm::autotune
