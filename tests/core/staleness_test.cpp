#include "core/staleness.h"

#include <gtest/gtest.h>

#include "core/device.h"

namespace deepgemm::core {
namespace {

Environment tuned() {
  return {"h100-sxm5",
          "NVIDIA H100 80GB HBM3",
          "GPU-1",
          132,
          "580.82 (CUDA 13.0)",
          "13.0",
          "0.1.0",
          "13.0.2",
          "0123abcd",
          1980,
          2619,
          1980,
          700};
}

TEST(Staleness, TheSameEnvironmentIsCurrent) {
  EXPECT_EQ(grade(tuned(), tuned()).staleness, Staleness::kCurrent);
  EXPECT_EQ(grade(tuned(), tuned()).reason, "");
}

TEST(Staleness, AnotherGpuOfTheKindAndAnotherLibraryAreCurrent) {
  Environment here = tuned();
  here.device_uuid = "GPU-2";
  here.cublaslt = "13.1.0";
  here.library_version = "0.2.0";
  EXPECT_EQ(grade(tuned(), here).staleness, Staleness::kCurrent);
}

TEST(Staleness, WhatIsNotKnownIsNotCompared) {
  Environment here;
  EXPECT_EQ(grade(tuned(), here).staleness, Staleness::kCurrent);
  here.device_id = "h100-sxm5";
  EXPECT_EQ(grade(tuned(), here).staleness, Staleness::kCurrent);
  DeviceInfo hidden = *find_device_profile("h100-sxm5");
  hidden.is_profile = false;
  hidden.driver_version = 13000;
  here = tuned();
  here.driver = driver_text(hidden);
  EXPECT_EQ(grade(tuned(), here).staleness, Staleness::kCurrent) << "'" << here.driver << "'";
  EXPECT_EQ(grade(here, tuned()).staleness, Staleness::kCurrent);
}

TEST(Staleness, OtherClocksAndPowerLimitsAreToBeVerified) {
  for (const auto& [limit, reason] :
       {std::pair{&Environment::sm_clock_max_mhz,
                  "measured where the highest SM clock is 1980 MHz, here it is 450 MHz"},
        std::pair{&Environment::memory_clock_mhz,
                  "measured where the memory clock is 2619 MHz, here it is 450 MHz"},
        std::pair{&Environment::application_clock_mhz,
                  "measured where the application clock is 1980 MHz, here it is 450 MHz"},
        std::pair{&Environment::power_limit_w,
                  "measured where the power limit is 700 W, here it is 450 W"}}) {
    Environment here = tuned();
    here.*limit = 450;
    EXPECT_EQ(grade(tuned(), here).staleness, Staleness::kVerify);
    EXPECT_EQ(grade(tuned(), here).reason, std::string(reason) + ": run deepgemm-db verify");
    // Who does not know cannot tell them apart.
    here.*limit = 0;
    EXPECT_EQ(grade(tuned(), here).staleness, Staleness::kCurrent);
    EXPECT_EQ(grade(here, tuned()).staleness, Staleness::kCurrent);
  }
}

TEST(Staleness, GradesRiseWithDoubtAndTheWorstCounts) {
  Environment here = tuned();
  here.power_limit_w = 500;
  EXPECT_EQ(grade(tuned(), here).staleness, Staleness::kVerify);
  here.driver = "590.10 (CUDA 13.1)";
  EXPECT_EQ(grade(tuned(), here).staleness, Staleness::kVerify);
  EXPECT_NE(grade(tuned(), here).reason.find("deepgemm-db verify"), std::string::npos);
  here.nvrtc = "13.1";
  EXPECT_EQ(grade(tuned(), here).staleness, Staleness::kRetune);
  EXPECT_NE(grade(tuned(), here).reason.find("NVRTC 13.0"), std::string::npos);
  here.sources_hash = "ffff";
  EXPECT_EQ(grade(tuned(), here).staleness, Staleness::kRetune);
  EXPECT_NE(grade(tuned(), here).reason.find("sources"), std::string::npos);
  here.device_id = "h20";
  EXPECT_EQ(grade(tuned(), here).staleness, Staleness::kHint);
  EXPECT_NE(grade(tuned(), here).reason.find("h100-sxm5, not on h20"), std::string::npos);
}

TEST(Staleness, TheLibrarySeesNeitherNvrtcNorWhatNvmlTells) {
  Environment here = tuned();
  here.nvrtc = "12.9";
  here.application_clock_mhz = 1410;
  here.power_limit_w = 500;
  EXPECT_EQ(grade(tuned(), here).staleness, Staleness::kRetune);
  EXPECT_EQ(grade(tuned(), as_library_sees(here)).staleness, Staleness::kCurrent);
  here.driver = "590.10 (CUDA 13.1)";
  EXPECT_EQ(grade(tuned(), as_library_sees(here)).staleness, Staleness::kVerify);
}

TEST(Staleness, NamesAreStable) {
  EXPECT_EQ(name(Staleness::kCurrent), "current");
  EXPECT_EQ(name(Staleness::kVerify), "verify");
  EXPECT_EQ(name(Staleness::kRetune), "re-tune");
  EXPECT_EQ(name(Staleness::kHint), "hint");
}

}  // namespace
}  // namespace deepgemm::core
