#include "app/time_left.h"

#include <gtest/gtest.h>

namespace deepgemm::app {
namespace {

TEST(TimeLeft, FollowsWhatTheOthersTook) {
  const TimeLeft::Clock::time_point start{};
  const TimeLeft left(10, start);
  EXPECT_EQ(left.text(0, start + std::chrono::seconds(5)), "");
  EXPECT_EQ(left.text(1, start + std::chrono::seconds(5)), ", about 45 s left");
  EXPECT_EQ(left.text(5, start + std::chrono::minutes(5)), ", about 5 min left");
  EXPECT_EQ(left.text(10, start + std::chrono::seconds(5)), "");
}

TEST(TimeLeft, DurationsAreRough) {
  EXPECT_EQ(rough_duration(0.2), "1 s");
  EXPECT_EQ(rough_duration(99), "99 s");
  EXPECT_EQ(rough_duration(120), "2 min");
  EXPECT_EQ(rough_duration(9000), "2.5 h");
}

}  // namespace
}  // namespace deepgemm::app
