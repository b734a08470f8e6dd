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
