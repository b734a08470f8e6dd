// Ranking and compiling the next problem while this one is measured.
#include "autotune/look_ahead.h"

#include <thread>

#include "tests/autotune/tuning.h"

namespace deepgemm::autotune {
namespace {

class LookAheadTest : public TuningTest {
 protected:
  LookAheadTest()
      : pool_(builder_, jobs_),
        tuner_(new Tuner(script_.device, script_.environment, space_, builder_, pool_, &gpu_,
                         store_, options_, *this, stop_)) {}

  const core::GemmProblem first_ = shape(64, 4096, 7168);
  const core::GemmProblem second_ = shape(1024, 4096, 7168);
  core::CompilePool pool_;
  std::unique_ptr<Tuner> tuner_;
};

TEST_F(LookAheadTest, EachKernelIsBuiltOnce) {
  const TuneResult a = tuner_->run(first_, &second_);
  const TuneResult b = tuner_->run(second_);
  const auto ours = [](const TuneResult& result) {
    return std::count_if(result.trials.begin(), result.trials.end(), [](const core::Trial& each) {
      return each.contender == core::Contender::kCandidate ||
             each.contender == core::Contender::kDefault;
    });
  };
  EXPECT_EQ(script_.builds, ours(a) + ours(b));
}

TEST_F(LookAheadTest, ChangesNoAnswer) {
  tuner_->run(first_, &second_);
  const TuneResult ahead = tuner_->run(second_);
  scripted::Store store(script_);
  Tuner alone(script_.device, script_.environment, space_, builder_, pool_, &gpu_, store, options_,
              *this, stop_);
  alone.run(first_);
  const TuneResult result = alone.run(second_);
  EXPECT_EQ(ahead.winner->config, result.winner->config);
  ASSERT_EQ(ahead.trials.size(), result.trials.size());
  for (std::size_t i = 0; i < result.trials.size(); ++i) {
    EXPECT_EQ(ahead.trials[i].config, result.trials[i].config);
  }
}

TEST_F(LookAheadTest, WhatTheStoreAnswersIsNotBuilt) {
  tuner_->run(second_);
  tuner_->run(first_);
  const int builds = script_.builds;
  tuner_->run(first_, &second_);
  EXPECT_TRUE(tuner_->run(second_).resumed);
  EXPECT_EQ(script_.builds, builds);
}

TEST_F(LookAheadTest, AnotherProblemThanAnnouncedIsRankedForItself) {
  tuner_->run(first_, &second_);
  const TuneResult result = tuner_->run(shape(8, 4096, 7168));
  EXPECT_EQ(result.plan.ranked.size(),
            make_plan(shape(8, 4096, 7168), space_, script_.device).ranked.size());
  EXPECT_TRUE(result.winner);
}

TEST_F(LookAheadTest, WhatIsTriedNowIsCompiledFirst) {
  script_.on_prepare = [this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    EXPECT_EQ(script_.builds, 0) << "kernels of the next shape came first";
    script_.on_prepare = nullptr;
  };
  EXPECT_TRUE(tuner_->run(first_, &second_).winner);
}

TEST_F(LookAheadTest, AWinnerOfALesserEffortIsNoReasonToWait) {
  tuner_->run(second_);
  const int quick = script_.builds;
  options_.effort = Effort::kDefault;
  Tuner more(script_.device, script_.environment, space_, builder_, pool_, &gpu_, store_, options_,
             *this, stop_);
  const TuneResult first = more.run(first_, &second_);
  // Of second_ with little effort, of first_, and now ahead of the next run.
  const int wanted = quick + first.winner->trials + 20;
  for (int i = 0; i < 3000 && script_.builds < wanted; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_GE(script_.builds, wanted) << "nobody has asked for the next shape yet";
}

}  // namespace
}  // namespace deepgemm::autotune
