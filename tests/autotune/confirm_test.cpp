// Times that cannot be, or that nobody confirmed, decide nothing: neither who wins nor who stays.
#include <thread>

#include "tests/autotune/tuning.h"

namespace deepgemm::autotune {
namespace {

using core::Contender;
using core::Outcome;

class ConfirmTest : public TuningTest {
 protected:
  void SetUp() override {
    on_progress_ = [this](Stage stage, int) {
      if (stage == Stage::kMeasure && heat_ends_ < 0) heat_ends_ = script_.rounds;
    };
  }
  bool in_final() const { return heat_ends_ >= 0 && script_.rounds >= heat_ends_; }

  int heat_ends_ = -1;  // in rounds; below 0: it has not
};

TEST_F(ConfirmTest, AFalseLeaderDoesNotDriveOthersAway) {
  const std::vector<core::GemmConfig> all = candidates();
  for (const double false_us : {2.0, 14.0}) {
    store_ = scripted::Store(script_);
    heat_ends_ = -1;
    // The second one is lucky in its heat.
    script_.time_us = [&, false_us](Contender contender, const core::GemmConfig& config) {
      if (config == all[0]) return false_us;
      if (config == all[1]) return in_final() ? 20.6 : 20.0;
      if (config == all[2]) return in_final() ? 20.0 : 20.2;
      return contender == Contender::kDefault ? 25.0 : 23.0;
    };
    // What the machine might do fails its second check.
    std::map<std::string, int> checks;
    script_.check = [&](Contender, const core::GemmConfig& config) {
      Check check = scripted::passing_check();
      if (++checks[core::to_string(config)] > 1) check.outcome = Outcome::kWrong;
      return check;
    };
    const TuneResult result = tune();
    ASSERT_TRUE(result.winner);
    EXPECT_EQ(result.winner->config, all[2]) << false_us;
    ASSERT_EQ(rows(Outcome::kWrong).size(), 1u);
    EXPECT_EQ(rows(Outcome::kWrong)[0].config, all[0]);
  }
}

TEST_F(ConfirmTest, WhereTheBudgetLeavesNoSecondCheckNothingIsDecided) {
  const core::GemmConfig fast = candidates().at(2);
  for (const bool in_final_alone : {true, false}) {
    store_ = scripted::Store(script_);
    heat_ends_ = -1;
    script_.time_us = [&, in_final_alone](Contender, const core::GemmConfig& config) {
      return config != fast ? 25.0 : in_final_alone && !in_final() ? 24.0 : 17.0;
    };
    int checks = 0;
    script_.check = [&](Contender, const core::GemmConfig& config) -> Check {
      if (config == fast && ++checks > 1) throw OutOfTime{};
      return scripted::passing_check();
    };
    options_.budget_seconds = 60;
    const TuneResult cut = tune();
    ASSERT_TRUE(cut.winner);
    EXPECT_NE(cut.winner->config, fast);
    EXPECT_FALSE(core::is_decided(*cut.winner)) << cut.winner->reason;
    script_.check = nullptr;
    const TuneResult whole = tune();
    EXPECT_FALSE(whole.resumed);
    EXPECT_EQ(whole.winner->config, fast);
  }
}

// The races of slowed GPUs differ in length; the last one ends before it gives a time.
TEST_F(ConfirmTest, ThatAGpuWasSlowedDownIsSaidOfTheRaceThatDecided) {
  constexpr int kOfTheFirst = 60 + 15;
  script_.on_round = [this](Round& round) {
    round.slowed = true;
    const std::chrono::duration<double> all(options_.budget_seconds);
    if (script_.rounds > kOfTheFirst + 5) std::this_thread::sleep_for(all);
  };
  const TuneResult result = tune_within(0.5, [this] { return script_.rounds > kOfTheFirst + 5; });
  ASSERT_TRUE(result.winner);
  EXPECT_NE(result.winner->reason.find("measured while the GPU was slowed down"), std::string::npos)
      << result.winner->reason;
}

}  // namespace
}  // namespace deepgemm::autotune
