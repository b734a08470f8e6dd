// A GPU as a plain value: read from the driver, or a known profile where there is none.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace deepgemm::core {

// What search, keys and reports need to know of a GPU. `id` names the kind of GPU in database
// keys: "h100-sxm5" both for the profile and for a real one.
struct DeviceInfo {
  std::string id;
  std::string name;  // as the driver says it
  int sms = 0;
  int shared_bytes_per_block = 0;  // opt-in limit of one block
  long long l2_bytes = 0;
  long long memory_bytes = 0;
  int clock_mhz = 0;            // boost clock
  int memory_clock_mhz = 0;     // 0 for a profile
  double memory_gbps = 0;       // sustained reads, large transfers
  double tensor_tflops = 0;     // sustained e4m3, as the best library reaches
  int compute_capability = 90;  // 10 * major + minor
  int driver_version = 0;       // CUDA version of the driver, 13000 for 13.0; 0 for a profile
  std::string driver;  // version of the kernel driver, "580.82"; empty: profile, or not known
  std::string uuid;    // empty for a profile
  bool is_profile = true;
};

// Driver and CUDA version as environments record them: "580.82 (CUDA 13.0)"; empty for a profile.
std::string driver_text(const DeviceInfo& device);

// h100-sxm5, h200-sxm5, h800-sxm5, h20.
std::span<const DeviceInfo> device_profiles();

// nullptr if there is none of that id.
const DeviceInfo* find_device_profile(std::string_view id);

// The profile that a real GPU of this driver name and SM count belongs to, by name ("NVIDIA H100
// 80GB HBM3") and count; nullptr for a kind without profile.
const DeviceInfo* match_device_profile(std::string_view driver_name, int sms);

}  // namespace deepgemm::core
