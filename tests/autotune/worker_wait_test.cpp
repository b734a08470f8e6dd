#include "autotune/worker_wait.h"

#include <gtest/gtest.h>

namespace deepgemm::autotune {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class WorkerWaitTest : public testing::Test {
 protected:
  const WorkerWait::Clock::time_point start_ = WorkerWait::Clock::now();

  // Looks up every 50 ms from one moment on to another, both behind the start.
  void look_up(WorkerWait& wait, milliseconds from, milliseconds to) const {
    for (milliseconds at = from; at <= to; at += WorkerWait::kBetweenLookUps) {
      wait.look_up(start_ + at);
    }
  }
};

TEST_F(WorkerWaitTest, EndsAtItsLimit) {
  WorkerWait wait(3, {}, start_);
  look_up(wait, milliseconds(50), milliseconds(2950));
  EXPECT_FALSE(wait.is_over());
  wait.look_up(start_ + seconds(3));
  EXPECT_TRUE(wait.is_over());
  EXPECT_DOUBLE_EQ(wait.seconds(), 3);
}

TEST_F(WorkerWaitTest, WhileThisProcessIsSuspendedItsLimitIsToo) {
  WorkerWait wait(3, {}, start_);
  look_up(wait, milliseconds(50), milliseconds(1000));
  wait.look_up(start_ + seconds(9));
  EXPECT_FALSE(wait.is_over());
  EXPECT_NEAR(wait.seconds(), 1.05, 1e-6);
  look_up(wait, milliseconds(9050), milliseconds(10900));
  EXPECT_FALSE(wait.is_over());
  wait.look_up(start_ + milliseconds(10950));
  EXPECT_TRUE(wait.is_over()) << "2 s of the limit were left";
}

TEST_F(WorkerWaitTest, ABusyMachineIsNoExcuse) {
  WorkerWait wait(3, {}, start_);
  for (int i = 1; i <= 4; ++i) wait.look_up(start_ + i * milliseconds(900));
  EXPECT_TRUE(wait.is_over());
}

TEST_F(WorkerWaitTest, ABudgetRunsOnWhileThisProcessIsSuspended) {
  WorkerWait wait(3, Deadline(start_ - seconds(10), 5), start_);
  wait.look_up(start_ + seconds(9));
  EXPECT_TRUE(wait.is_over());
  EXPECT_NEAR(wait.seconds(), 0.05, 1e-6) << "who was asked is not to blame";
}

TEST_F(WorkerWaitTest, WithoutALimitItNeverEnds) {
  WorkerWait wait;
  wait.look_up(start_ + std::chrono::hours(1));
  EXPECT_FALSE(wait.is_over());
}

}  // namespace
}  // namespace deepgemm::autotune
