// GPUs and contexts through the driver.
#pragma once

#include "core/device.h"

namespace deepgemm::core {

// Number of GPUs. Throws EnvironmentError, with the next step, where there is no driver or none of
// its GPUs can be used.
int device_count();

// Reads GPU `ordinal` as a plain value; its id is that of the matching profile, else its name in
// lower case with dashes. Creates no context. Throws EnvironmentError.
DeviceInfo read_device(int ordinal);

// Retains the primary context of a device (the one that the CUDA runtime and PyTorch use) and
// makes it current on the constructing thread.
class PrimaryContext {
 public:
  explicit PrimaryContext(int ordinal);
  ~PrimaryContext();
  PrimaryContext(const PrimaryContext&) = delete;
  PrimaryContext& operator=(const PrimaryContext&) = delete;

  // Makes it current on the calling thread.
  void make_current() const;

 private:
  int device_;
  void* context_;
};

}  // namespace deepgemm::core
