#include "app/time_budget.h"

#include <gtest/gtest.h>

namespace deepgemm::app {
namespace {

TEST(TimeBudget, IsSharedOutOverTheTurnsThatAreLeft) {
  const auto start = TimeBudget::Clock::now();
  const TimeBudget budget(10, start);
  EXPECT_DOUBLE_EQ(budget.share(4, start), 2.5);
  EXPECT_DOUBLE_EQ(budget.share(2, start + std::chrono::seconds(4)), 3);
  EXPECT_GT(budget.share(1, start + std::chrono::seconds(11)), 0) << "0 would be none";
  EXPECT_DOUBLE_EQ(TimeBudget(0, start).share(4, start), 0);
}

TEST(TimeBudget, OnlyGpusThatAreAtWorkTakePart) {
  EXPECT_EQ(turns_of(1, 8, 1), 8u);
  EXPECT_EQ(turns_of(1, 8, 3), 3u);
  EXPECT_EQ(turns_of(1, 1, 3), 1u);
  EXPECT_EQ(turns_of(8, 8, 2), 8u) << "all belong to this GPU";
  EXPECT_EQ(turns_of(2, 8, 2), 4u) << "a GPU with few of its own takes anyone's, too";
}

}  // namespace
}  // namespace deepgemm::app
