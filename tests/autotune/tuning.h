// A tuner on a scripted GPU: what the tuner's tests share.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "autotune/tuner.h"
#include "core/default_config.h"
#include "tests/autotune/scripted.h"
#include "tests/autotune/shapes.h"

namespace deepgemm::autotune {

class TuningTest : public testing::Test, protected TuneObserver {
 protected:
  TuningTest() {
    // Small, so that a tune takes milliseconds under sanitizers too.
    space_.fix("block_n", {32, 64, 80, 96, 128});
    space_.fix("raster_group", {1, 8});
    space_.fix("cluster_n", {1});
    options_.effort = Effort::kQuick;

    fallback_ = core::default_config(problem_, script_.device);
  }

  TuneResult tune(bool with_gpu = true) {
    core::CompilePool pool(builder_, jobs_);
    Tuner tuner(script_.device, script_.environment, space_, builder_, pool,
                with_gpu ? &gpu_ : nullptr, store_, options_, *this, stop_);
    const Tuning tuning(tuning_);
    return tuner.run(problem_);
  }

  // With a budget that leaves time for what `reached` asks for: a larger one where this machine was
  // too busy. Each attempt begins with the same store and counts.
  TuneResult tune_within(double budget_seconds, const std::function<bool()>& reached) {
    const scripted::Store store = store_;
    const int builds = script_.builds;
    const int rounds = script_.rounds;
    TuneResult result;
    for (const double seconds : {budget_seconds, 0.5, 2.0, 8.0, 24.0}) {
      store_ = store;
      script_.builds = builds;
      script_.rounds = rounds;
      options_.budget_seconds = seconds;
      result = tune();
      if (reached()) break;
    }
    options_.budget_seconds = 0;
    return result;
  }

  // Only so many kernels more are built within the budget, one by one.
  void build_in_time(int count) {
    jobs_ = 1;
    script_.on_build = [this, most = script_.builds + count] {
      const std::chrono::duration<double> all(options_.budget_seconds);
      if (script_.builds >= most) std::this_thread::sleep_for(all);
    };
  }

  // Ctrl-C after the heat: everyone is measured, and nothing is decided.
  void interrupt_before_the_final() {
    const int all = static_cast<int>(candidates().size()) + 1;
    on_progress_ = [this, all](Stage stage, int done) {
      if (stage == Stage::kMeasure && done == all) stop_ = true;
    };
    EXPECT_THROW(tune(), Interrupted);
    stop_ = false;
    on_progress_ = nullptr;
  }

  // The candidates that a fresh tune tries, without the default, best first.
  std::vector<core::GemmConfig> candidates() {
    scripted::Script script;
    scripted::Builder builder(script);
    scripted::Store store(script);
    scripted::Gpu gpu(script);
    TuneObserver silent;
    core::CompilePool pool(builder, 2);
    Tuner tuner(script.device, script.environment, space_, builder, pool, &gpu, store, options_,
                silent, stop_);
    std::vector<core::GemmConfig> configs;
    for (const core::Trial& each : tuner.run(problem_).trials) {
      if (each.contender == core::Contender::kCandidate) configs.push_back(each.config);
    }
    std::sort(configs.begin(), configs.end(), core::ordered_before);
    return configs;
  }

  // Everyone takes `others_us`, but `fast` takes `fast_us`.
  void let_win(const core::GemmConfig& fast, double fast_us, double others_us) {
    script_.time_us = [=](core::Contender contender, const core::GemmConfig& config) {
      const bool ours =
          contender == core::Contender::kCandidate || contender == core::Contender::kDefault;
      return ours && config == fast ? fast_us : others_us;
    };
  }

  // Checks of `config` fail where `is_wrong` says so.
  void fail_checks(const core::GemmConfig& config, std::function<bool()> is_wrong) {
    script_.check = [=](core::Contender, const core::GemmConfig& checked) {
      Check check = scripted::passing_check();
      if (checked == config && is_wrong()) {
        check.outcome = core::Outcome::kWrong;
        check.detail = "9 elements of D were never written";
      }
      return check;
    };
  }

  // That the second check of `config` kept it from winning.
  void expect_second_check_failed(const TuneResult& result, const core::GemmConfig& config) const {
    ASSERT_TRUE(result.winner);
    EXPECT_NE(result.winner->config, config);
    ASSERT_EQ(rows(core::Outcome::kWrong).size(), 1u);
    const std::string detail = rows(core::Outcome::kWrong)[0].detail;
    EXPECT_NE(detail.find("a second check failed: 9 elements"), std::string::npos) << detail;
  }

  // With a budget that ends in the first round behind so many.
  TuneResult tune_to_the_round_behind(int rounds) {
    script_.noise = 0.1;
    script_.on_round = [this, rounds](Round&) {
      const std::chrono::duration<double> all(options_.budget_seconds);
      if (script_.rounds > rounds) std::this_thread::sleep_for(all);
    };
    return tune_within(0.5, [&] { return script_.rounds > rounds; });
  }

  std::vector<core::Trial> rows(core::Outcome outcome) const {
    std::vector<core::Trial> found;
    for (const auto& [trial, environment] : store_.rows()) {
      if (trial.outcome == outcome) found.push_back(trial);
    }
    return found;
  }

  int rows_of(const core::GemmConfig& config) const {
    return static_cast<int>(
        std::count_if(store_.rows().begin(), store_.rows().end(), [&](const auto& row) {
          return row.first.contender == core::Contender::kCandidate && row.first.config == config;
        }));
  }

  void progress(const core::GemmProblem&, Stage stage, int done, int total) override {
    EXPECT_LE(done, total);
    if (stages_.empty() || stages_.back() != stage) stages_.push_back(stage);
    if (on_progress_) on_progress_(stage, done);
  }
  void trial(const core::Trial&) override { ++told_; }
  void note(const std::string& sentence) override { notes_.push_back(sentence); }

  // Sets a flag for as long as it lives.
  class Tuning {
   public:
    explicit Tuning(std::atomic<bool>& flag) : flag_(flag) { flag_ = true; }
    ~Tuning() {
      flag_ = false;
      flag_.notify_all();
    }
    Tuning(const Tuning&) = delete;
    Tuning& operator=(const Tuning&) = delete;

   private:
    std::atomic<bool>& flag_;
  };

  core::GemmProblem problem_ = shape(512, 4096, 7168);
  scripted::Script script_;
  scripted::Builder builder_{script_};
  scripted::Store store_{script_};
  scripted::Gpu gpu_{script_};
  SearchSpace space_ = SearchSpace::dense();
  TuneOptions options_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> tuning_{false};
  core::GemmConfig fallback_;
  int jobs_ = 2;
  std::function<void(Stage, int)> on_progress_;
  std::vector<Stage> stages_;
  std::vector<std::string> notes_;
  int told_ = 0;
};

}  // namespace deepgemm::autotune
