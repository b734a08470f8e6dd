#include "core/device.h"

#include <gtest/gtest.h>

#include <set>

namespace deepgemm::core {
namespace {

TEST(Device, ProfilesAreCompleteAndDistinct) {
  std::set<std::string> ids;
  for (const DeviceInfo& profile : device_profiles()) {
    ids.insert(profile.id);
    EXPECT_TRUE(profile.is_profile);
    EXPECT_GT(profile.sms, 0);
    EXPECT_EQ(profile.shared_bytes_per_block, 232448);
    EXPECT_GT(profile.l2_bytes, 0);
    EXPECT_GT(profile.memory_bytes, 0);
    EXPECT_GT(profile.clock_mhz, 0);
    EXPECT_GT(profile.memory_gbps, 0);
    EXPECT_GT(profile.tensor_tflops, 0);
    EXPECT_EQ(profile.compute_capability, 90);
    EXPECT_EQ(find_device_profile(profile.id), &profile);
    EXPECT_EQ(match_device_profile(profile.name, profile.sms), &profile);
  }
  EXPECT_EQ(ids, (std::set<std::string>{"h100-sxm5", "h200-sxm5", "h800-sxm5", "h20"}));
}

TEST(Device, TheDriverIsNamedWhereThereIsOne) {
  DeviceInfo device = device_profiles().front();
  EXPECT_EQ(driver_text(device), "");
  device.driver = "580.82";
  device.driver_version = 13020;
  EXPECT_EQ(driver_text(device), "580.82 (CUDA 13.2)");
  device.driver = "";
  EXPECT_EQ(driver_text(device), "") << "its version cannot be read";
}

TEST(Device, OtherGpusMatchNoProfile) {
  EXPECT_EQ(match_device_profile("NVIDIA H100 NVL", 132), nullptr);
  EXPECT_EQ(match_device_profile("NVIDIA H100 80GB HBM3", 16), nullptr) << "a MIG slice";
  EXPECT_EQ(match_device_profile("NVIDIA A100-SXM4-80GB", 108), nullptr);
  EXPECT_EQ(find_device_profile("h100"), nullptr);
}

}  // namespace
}  // namespace deepgemm::core
