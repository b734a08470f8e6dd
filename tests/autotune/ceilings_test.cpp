#include "autotune/ceilings.h"

#include <gtest/gtest.h>

#include <map>

#include "autotune/interrupt.h"
#include "tests/autotune/scripted.h"
#include "tests/autotune/shapes.h"

namespace deepgemm::autotune {
namespace {

class CeilingsTest : public testing::Test {
 protected:
  scripted::Script script_;
  scripted::Gpu gpu_{script_};
  std::atomic<bool> stop_{false};
};

TEST_F(CeilingsTest, TheRateIsTheBestOfThreeShapes) {
  script_.noise = 0;
  script_.time_us = [](core::Contender contender, const core::GemmConfig&) {
    EXPECT_EQ(contender, core::Contender::kCublasLtTensorwide);
    return 1000.0;
  };
  // Equal times: the shape with the most flops has the highest rate.
  EXPECT_DOUBLE_EQ(measure_tensor_rate(gpu_, 3, stop_), 2.0 * 8192 * 8192 * 8192 / 1000 * 1e-6);
  EXPECT_EQ(script_.rounds, 9);
}

TEST_F(CeilingsTest, NoRateWhereTheLibraryRefuses) {
  script_.admit_failure = [](core::Contender, const core::GemmConfig&) { return "refused"; };
  EXPECT_EQ(measure_tensor_rate(gpu_, 3, stop_), 0);
}

TEST_F(CeilingsTest, StopsWhenAsked) {
  stop_ = true;
  EXPECT_THROW(measure_tensor_rate(gpu_, 3, stop_), Interrupted);
}

TEST(LimitUs, IsTheLongerOfBytesAndFlops) {
  const auto problem = shape(1000, 1000, 1000);  // 2 GFLOP: 2 us at 1000 TFLOP/s
  EXPECT_DOUBLE_EQ(limit_us(problem, {}, 5, 1000), 5);
  EXPECT_DOUBLE_EQ(limit_us(problem, {}, 1.5, 1000), 2);
  EXPECT_EQ(limit_us(problem, {}, 0, 1000), 0) << "the floor was not measured";
  EXPECT_EQ(limit_us(problem, {}, 5, 0), 0) << "the rate was not measured";
}

}  // namespace
}  // namespace deepgemm::autotune
