// No answer rests on a time that was not confirmed, whatever ended the call that took it.
#include "autotune/verdict.h"
#include "tests/autotune/tuning.h"

namespace deepgemm::autotune {
namespace {

using core::Contender;
using core::Outcome;
using core::Trial;

class TrustTest : public TuningTest {
 protected:
  // The next call has time for the default alone.
  TuneResult tune_in_a_hurry() {
    build_in_time(1);
    const TuneResult result =
        tune_within(0.2, [this, before = script_.rounds] { return script_.rounds > before; });
    EXPECT_TRUE(result.budget_ran_out);
    script_.on_build = nullptr;
    return result;
  }
};

TEST_F(TrustTest, AnUnconfirmedTimeOfAnEarlierCallDoesNotWin) {
  const core::GemmConfig fast = candidates().at(2);
  let_win(fast, 17, 25);
  interrupt_before_the_final();
  EXPECT_GE(rows_of(fast), 1) << "it is stored";
  const TuneResult hurried = tune_in_a_hurry();
  ASSERT_TRUE(hurried.winner);
  EXPECT_EQ(hurried.winner->config, fallback_);
  // With time, it is checked again.
  const TuneResult result = tune();
  EXPECT_FALSE(result.resumed);
  EXPECT_EQ(result.winner->config, fast);
}

TEST_F(TrustTest, AnImpossibleTimeOfAnEarlierCallNeverWins) {
  const core::GemmConfig fast = candidates().at(2);
  let_win(fast, 2, 25);
  interrupt_before_the_final();
  EXPECT_EQ(tune_in_a_hurry().winner->config, fallback_);
  EXPECT_NE(tune().winner->config, fast);
}

TEST_F(TrustTest, ATimeThatIsSuspiciousInTheFinalAloneIsCheckedAgain) {
  const core::GemmConfig fast = candidates().at(2);
  int heat_ends = -1;
  on_progress_ = [&](Stage stage, int) {
    if (stage == Stage::kMeasure && heat_ends < 0) heat_ends = script_.rounds;
  };
  script_.time_us = [&](Contender, const core::GemmConfig& config) {
    const bool is_final = heat_ends >= 0 && script_.rounds >= heat_ends;
    return config == fast ? (is_final ? 17.0 : 24.0) : 25.0;
  };
  fail_checks(fast, [&] { return heat_ends >= 0; });
  expect_second_check_failed(tune(), fast);
}

TEST_F(TrustTest, AQuarantinedDefaultIsNotRunAndTheReportSaysSo) {
  Trial lost;
  lost.problem = problem_;
  lost.problem.m *= 4;
  lost.config = fallback_;
  lost.outcome = Outcome::kWorkerLost;
  store_.record(lost, script_.environment);
  bool ran = false;
  script_.on_sample = [&](Contender contender, const core::GemmConfig& config) {
    ran |= contender == Contender::kDefault || config == fallback_;
  };
  options_.budget_seconds = 60;
  const TuneResult result = tune();
  EXPECT_FALSE(ran);
  ASSERT_TRUE(result.winner);
  EXPECT_NE(result.winner->config, fallback_);
  EXPECT_EQ(result.winner->default_us, 0);
  EXPECT_EQ(result.winner->reason.rfind("fastest; the default was left out", 0), 0u);
  EXPECT_EQ(notes_.front().rfind("1 kernel is left out", 0), 0u) << notes_.front();
  EXPECT_TRUE(tune().resumed);
}

TEST_F(TrustTest, AWinnerWhoseFinalTheBudgetCutIsAnAnswerButNotTheLastWord) {
  const TuneResult cut = tune_to_the_round_behind(28);
  ASSERT_TRUE(cut.winner);
  EXPECT_FALSE(core::is_decided(*cut.winner)) << cut.winner->reason;
  EXPECT_EQ(cut.why, cut.winner->reason);
  script_.noise = 0;
  script_.on_round = nullptr;
  const TuneResult whole = tune();
  EXPECT_FALSE(whole.resumed);
  ASSERT_TRUE(whole.winner);
  EXPECT_TRUE(core::is_decided(*whole.winner)) << whole.winner->reason;
  EXPECT_GE(whole.winner->samples, 20);
  EXPECT_TRUE(tune().resumed);
}

TEST_F(TrustTest, AWinnerOfAGpuThatStaysSlowedDownSaysSo) {
  script_.on_round = [](Round& round) { round.slowed = true; };
  const TuneResult result = tune();
  ASSERT_TRUE(result.winner);
  EXPECT_TRUE(result.winner->reason.ends_with("; measured while the GPU was slowed down"))
      << result.winner->reason;
  const auto told = std::ranges::count_if(notes_, [](const std::string& note) {
    return note.find("stays slowed down") != std::string::npos;
  });
  EXPECT_EQ(told, 1);
}

TEST_F(TrustTest, AllThatMayBeTheFastestRaceAgainWhereNothingWasDecided) {
  const std::vector<core::GemmConfig> all = candidates();
  const auto is_close = [&](const core::GemmConfig& config) {
    return std::find(all.begin(), all.begin() + 6, config) != all.begin() + 6;
  };
  const auto time_of = [&](double late_us) {
    return [&, late_us](Contender, const core::GemmConfig& config) {
      return config == all[5] ? late_us : is_close(config) ? 20.0 : 25.0;
    };
  };
  script_.time_us = time_of(20.9);
  interrupt_before_the_final();
  // The sixth of the heat was unlucky there.
  script_.time_us = time_of(19.5);
  const int verifies = script_.verifies;
  const TuneResult result = tune();
  EXPECT_EQ(script_.verifies - verifies, 1 + 6) << "with the default";
  ASSERT_TRUE(result.winner);
  EXPECT_EQ(result.winner->config, all[5]);
  EXPECT_TRUE(core::is_decided(*result.winner));
}

}  // namespace
}  // namespace deepgemm::autotune
