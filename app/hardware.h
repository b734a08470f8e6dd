// What the commands need of the machine, as functions: tests put scripts in their place.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "autotune/executor.h"
#include "core/kernel_builder.h"

namespace deepgemm::app {

struct Builder {
  std::unique_ptr<core::KernelBuilder> kernels;
  std::string nvrtc_version;  // "13.0"
};

// core::JitBuilder on this cache folder. Throws EnvironmentError.
Builder make_jit_builder(const std::filesystem::path& cache_folder);

struct Hardware {
  std::function<int()> device_count;
  std::function<core::DeviceInfo(int ordinal)> read_device;
  // What open_gpu would find, without taking memory on the GPU.
  std::function<autotune::GpuIdentity(int ordinal, const core::Environment& base)> identify_gpu;
  std::function<std::unique_ptr<autotune::Executor>(int ordinal, const core::Environment& base)>
      open_gpu;
  // Gets ready for open_gpu what is slow and no GPU's.
  std::function<void()> load_libraries;
  // Fills the limits of the GPU's clocks that its driver does not tell, where they can be known.
  std::function<void(core::Environment&)> add_limits;
  std::function<Builder(const std::filesystem::path& cache_folder)> make_builder;
  // Before the UUID of a GPU in the name that its tuner claims. Empty: nobody claims any, as on
  // scripted machines, which are many at a time.
  std::string claim_prefix = "";
};

// The driver, the GPU and NVRTC.
Hardware real_hardware();

// Environment as far as a command knows it without a device.
core::Environment base_environment(const std::string& nvrtc_version);
// Environment of trials that were compiled for a profile and never run.
core::Environment profile_environment(const core::DeviceInfo& profile,
                                      const std::string& nvrtc_version);

}  // namespace deepgemm::app
