#include "autotune/calibration.h"

#include "tests/autotune/tuning.h"

namespace deepgemm::autotune {
namespace {

using core::Contender;

class CalibrationTest : public TuningTest {
 protected:
  CalibrationTest() { options_.effort = Effort::kDefault; }

  // Everyone takes what the model predicts for a device of other rates.
  void run_at(const Calibration& rates) {
    const CostModel model(calibrated(script_.device, rates));
    script_.time_us = [this, model](Contender, const core::GemmConfig& config) {
      return model.predict(problem_, config).total_us;
    };
  }

  Calibration fitted() {
    const TuneResult result = tune();
    std::vector<const core::Trial*> trials;
    for (const core::Trial& each : result.trials) trials.push_back(&each);
    return calibrate(script_.device, trials);
  }
};

TEST_F(CalibrationTest, AModelThatIsRightStays) {
  run_at({});
  script_.noise = 0.02;
  EXPECT_EQ(fitted(), Calibration());
}

TEST_F(CalibrationTest, FindsSlowMemory) {
  problem_ = shape(64, 4096, 7168);
  run_at({.memory = 0.5, .math = 1});
  const Calibration found = fitted();
  EXPECT_LT(found.memory / found.math, 0.8);
}

TEST_F(CalibrationTest, FewTrialsAreNotFittedTo) {
  options_.effort = Effort::kQuick;
  run_at({.memory = 0.5, .math = 1});
  EXPECT_EQ(fitted(), Calibration());
}

TEST_F(CalibrationTest, WhereTheModelIsOffWhatItMissedIsTriedToo) {
  problem_ = shape(64, 4096, 7168);
  const TuneResult as_predicted = tune();
  options_.force = true;
  run_at({.memory = 0.5, .math = 1.5});
  const TuneResult result = tune();
  ASSERT_TRUE(result.winner);
  EXPECT_GE(result.winner->trials, as_predicted.winner->trials);
  options_.force = false;
  EXPECT_TRUE(tune().resumed) << "that alone is no reason to tune again";
}

}  // namespace
}  // namespace deepgemm::autotune
