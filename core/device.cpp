#include "core/device.h"

#include <array>

namespace deepgemm::core {
namespace {

constexpr long long kMiB = 1LL << 20;
constexpr long long kGiB = 1LL << 30;

DeviceInfo h100() {
  DeviceInfo device;
  device.id = "h100-sxm5";
  device.name = "NVIDIA H100 80GB HBM3";
  device.sms = 132;
  device.shared_bytes_per_block = 232448;
  device.l2_bytes = 50 * kMiB;
  device.memory_bytes = 80 * kGiB;
  device.clock_mhz = 1980;
  device.memory_gbps = 2980;
  device.tensor_tflops = 1450;
  return device;
}

// The same chip with larger, faster memory.
DeviceInfo h200() {
  DeviceInfo device = h100();
  device.id = "h200-sxm5";
  device.name = "NVIDIA H200";
  device.memory_bytes = 141'000'000'000;
  device.memory_gbps = 4200;
  return device;
}

// An H100 with slower links between GPUs, which no single product sees.
DeviceInfo h800() {
  DeviceInfo device = h100();
  device.id = "h800-sxm5";
  device.name = "NVIDIA H800";
  return device;
}

// A fifth of the arithmetic, more memory and bandwidth: few shapes are bound by memory.
DeviceInfo h20() {
  DeviceInfo device = h100();
  device.id = "h20";
  device.name = "NVIDIA H20";
  device.sms = 78;
  device.l2_bytes = 60 * kMiB;
  device.memory_bytes = 96 * kGiB;
  device.memory_gbps = 3600;
  device.tensor_tflops = 280;
  return device;
}

}  // namespace

std::string driver_text(const DeviceInfo& device) {
  // Without the kernel driver's version (a container may hide /sys) the CUDA version alone would
  // pass for another driver; what is not known is compared with nothing.
  if (device.driver.empty() || device.driver_version == 0) return "";
  return device.driver + " (CUDA " + std::to_string(device.driver_version / 1000) + "." +
         std::to_string(device.driver_version % 1000 / 10) + ")";
}

std::span<const DeviceInfo> device_profiles() {
  static const std::array profiles{h100(), h200(), h800(), h20()};
  return profiles;
}

const DeviceInfo* find_device_profile(std::string_view id) {
  for (const DeviceInfo& profile : device_profiles()) {
    if (profile.id == id) return &profile;
  }
  return nullptr;
}

const DeviceInfo* match_device_profile(std::string_view driver_name, int sms) {
  // Names must be equal: "NVIDIA H100 NVL" has 132 SMs too, but other clocks and memory. The count
  // tells a whole GPU from a MIG slice of it.
  for (const DeviceInfo& profile : device_profiles()) {
    if (profile.name == driver_name && profile.sms == sms) return &profile;
  }
  return nullptr;
}

}  // namespace deepgemm::core
