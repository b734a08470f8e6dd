#include "core/trial.h"

#include <gtest/gtest.h>

#include "core/store.h"

namespace deepgemm::core {
namespace {

TEST(Trial, OutcomesAreNamedBothWays) {
  for (const Outcome each :
       {Outcome::kPredicted, Outcome::kMeasured, Outcome::kCompileFailed, Outcome::kLaunchFailed,
        Outcome::kWrong, Outcome::kFaulted, Outcome::kHung, Outcome::kWorkerLost}) {
    EXPECT_EQ(outcome_named(name(each)), each);
  }
  EXPECT_EQ(name(Outcome::kCompileFailed), "compile-failed");
  EXPECT_EQ(outcome_named("fine"), std::nullopt);
  EXPECT_EQ(outcome_named(""), std::nullopt);
}

TEST(Trial, ContendersAreNamedBothWays) {
  for (const Contender each :
       {Contender::kCandidate, Contender::kDefault, Contender::kCublasLtBlock,
        Contender::kCublasLtTensorwide, Contender::kMemoryFloor}) {
    EXPECT_EQ(contender_named(name(each)), each);
  }
  EXPECT_EQ(name(Contender::kCublasLtTensorwide), "cublaslt-tensorwide");
  EXPECT_EQ(contender_named("cutlass"), std::nullopt);
}

TEST(Environment, AgreesWithOneThatKnowsLessOfItsClocks) {
  Environment known;
  known.device_uuid = "GPU-1";
  known.sm_clock_max_mhz = 1980;
  known.power_limit_w = 700;
  Environment unknown = known;
  unknown.sm_clock_max_mhz = 0;
  unknown.power_limit_w = 0;
  EXPECT_TRUE(agree(known, known));
  EXPECT_TRUE(agree(known, unknown));
  EXPECT_TRUE(agree(unknown, known));
  EXPECT_NE(known, unknown) << "and yet they are stored apart";
  Environment other_limit = known;
  other_limit.power_limit_w = 500;
  EXPECT_FALSE(agree(known, other_limit));
  Environment other_gpu = unknown;
  other_gpu.device_uuid = "GPU-2";
  EXPECT_FALSE(agree(known, other_gpu));
}

TEST(Environment, UnitingTellsApartWhatBothAgreeWithOneThatKnowsLittle) {
  Environment known;
  Environment at_700;
  at_700.power_limit_w = 700;
  Environment at_500;
  at_500.power_limit_w = 500;
  EXPECT_TRUE(agree(known, at_500));
  EXPECT_TRUE(unite(known, at_700));
  EXPECT_EQ(known.power_limit_w, 700);
  EXPECT_FALSE(unite(known, at_500));
  EXPECT_EQ(known.power_limit_w, 700);
  EXPECT_TRUE(unite(known, Environment{}));
  EXPECT_EQ(known.power_limit_w, 700);
}

TEST(Environment, DescribesADeviceButNoClocksOfAProfile) {
  DeviceInfo device = *find_device_profile("h100-sxm5");
  Environment environment;
  describe(environment, device);
  EXPECT_EQ(environment.device_id, "h100-sxm5");
  EXPECT_EQ(environment.sms, 132);
  EXPECT_EQ(environment.sm_clock_max_mhz, 0);
  device.is_profile = false;
  device.memory_clock_mhz = 2619;
  describe(environment, device);
  EXPECT_EQ(environment.sm_clock_max_mhz, 1980);
  EXPECT_EQ(environment.memory_clock_mhz, 2619);
}

TEST(Trial, MatchesAreNamed) {
  EXPECT_EQ(name(Match::kExact), "exact");
  EXPECT_EQ(name(Match::kBucket), "bucket");
  EXPECT_EQ(name(Match::kOtherDevice), "other-device");
  EXPECT_EQ(name(Match::kNone), "none");
  EXPECT_EQ(name(Match::kNearest), "nearest");
  EXPECT_EQ(name(Match::kFallback), "fallback");
  EXPECT_EQ(name(Match::kCompiled), "compiled");
}

}  // namespace
}  // namespace deepgemm::core
