// Which configs are tried no more, and when they are again.
#include "tests/db/fixture.h"

namespace deepgemm::db {
namespace {

using core::Outcome;

class QuarantineTest : public testing::Test {
 protected:
  void record(int m, Outcome outcome, core::Contender contender = core::Contender::kCandidate) {
    core::Trial trial = trial_of(m, 100);
    trial.outcome = outcome;
    trial.contender = contender;
    database_.record(trial, environment_of());
  }
  bool is_quarantined() const { return !database_.quarantined(environment_of()).empty(); }

  TempFolder folder_;
  TuningDb database_{folder_ / "t.db", OpenMode::kTune};
};

TEST_F(QuarantineTest, EndsWhereTheSameProblemRanToAnEndSince) {
  record(64, Outcome::kWorkerLost);
  EXPECT_TRUE(is_quarantined());
  record(64, Outcome::kMeasured);
  EXPECT_FALSE(is_quarantined());
  record(64, Outcome::kHung);
  EXPECT_TRUE(is_quarantined());
}

TEST_F(QuarantineTest, LastsWhereAnotherProblemDid) {
  record(64, Outcome::kWorkerLost);
  record(128, Outcome::kMeasured);
  EXPECT_TRUE(is_quarantined());
}

TEST_F(QuarantineTest, OutlivesACheckThatNoTimesFollowed) {
  record(64, Outcome::kFaulted);
  record(64, Outcome::kVerified);
  EXPECT_TRUE(is_quarantined());
}

TEST_F(QuarantineTest, AConfigIsTheSameKernelAsTheDefault) {
  record(64, Outcome::kFaulted);
  record(64, Outcome::kMeasured, core::Contender::kDefault);
  EXPECT_FALSE(is_quarantined());
}

TEST_F(QuarantineTest, IsNotForWhatALibraryDid) {
  record(64, Outcome::kWorkerLost, core::Contender::kCublasLtBlock);
  EXPECT_FALSE(is_quarantined());
  record(64, Outcome::kFaulted);
  record(64, Outcome::kMeasured, core::Contender::kCublasLtBlock);
  EXPECT_TRUE(is_quarantined());
}

}  // namespace
}  // namespace deepgemm::db
