// One store for several threads: each call has it alone.
#pragma once

#include <mutex>

#include "core/store.h"

namespace deepgemm::app {

class LockedStore final : public core::TrialStore {
 public:
  // `store` must outlive it.
  explicit LockedStore(core::TrialStore& store) : store_(store) {}

  std::vector<core::Trial> trials(const core::GemmProblem& problem,
                                  const core::Environment& environment) const override {
    const std::lock_guard lock(mutex_);
    return store_.trials(problem, environment);
  }
  std::optional<core::Winner> winner(const core::GemmProblem& problem,
                                     const core::Environment& environment,
                                     std::string_view rows) const override {
    const std::lock_guard lock(mutex_);
    return store_.winner(problem, environment, rows);
  }
  std::vector<core::Winner> winners_of_twins(const core::GemmProblem& problem,
                                             const core::Environment& environment,
                                             std::string_view rows) const override {
    const std::lock_guard lock(mutex_);
    return store_.winners_of_twins(problem, environment, rows);
  }
  std::vector<core::Winner> winners_of_family(const core::GemmProblem& problem,
                                              const core::Environment& environment) const override {
    const std::lock_guard lock(mutex_);
    return store_.winners_of_family(problem, environment);
  }
  std::vector<core::Winner> winners_elsewhere(const core::GemmProblem& problem,
                                              const core::Environment& environment) const override {
    const std::lock_guard lock(mutex_);
    return store_.winners_elsewhere(problem, environment);
  }
  std::vector<core::GemmConfig> quarantined(const core::Environment& environment) const override {
    const std::lock_guard lock(mutex_);
    return store_.quarantined(environment);
  }
  std::optional<core::Calibration> calibration(
      const core::Environment& environment) const override {
    const std::lock_guard lock(mutex_);
    return store_.calibration(environment);
  }
  void record(const core::Trial& trial, const core::Environment& environment) override {
    const std::lock_guard lock(mutex_);
    store_.record(trial, environment);
  }
  void record(std::span<const core::Trial> trials, const core::Environment& environment) override {
    const std::lock_guard lock(mutex_);
    store_.record(trials, environment);
  }
  void record(const core::Cubin& cubin) override {
    const std::lock_guard lock(mutex_);
    store_.record(cubin);
  }
  void record(const core::Winner& winner, const core::Environment& environment) override {
    const std::lock_guard lock(mutex_);
    store_.record(winner, environment);
  }
  void record(const core::Calibration& calibration, const core::Environment& environment) override {
    const std::lock_guard lock(mutex_);
    store_.record(calibration, environment);
  }

 private:
  core::TrialStore& store_;
  mutable std::mutex mutex_;
};

}  // namespace deepgemm::app
