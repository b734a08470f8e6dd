// A GPU, a compiler and a store that do what a script says, in memory. For tests of the pipeline
// and for command-line binaries that need no hardware.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "autotune/cost_model.h"
#include "autotune/executor.h"
#include "core/kernel_builder.h"
#include "core/store.h"
#include "kernels/dense_source.h"

namespace deepgemm::autotune::scripted {

// What happens when. Every hook may be replaced; the defaults let everything succeed and take the
// time that the cost model predicts, the libraries a little longer. Configs are named by
// core::to_string. `builds`, `verifies` and `rounds` count what was done.
struct Script {
  core::DeviceInfo device = *core::find_device_profile("h100-sxm5");
  core::Environment environment = gpu_environment();

  std::function<double(core::Contender, const core::GemmConfig&)> time_us;
  std::function<double(const core::GemmConfig&)> slow_down;  // factor on the model's time
  std::function<std::string(const core::GemmConfig&)> compile_failure;  // empty: it compiles
  std::function<std::string(core::Contender, const core::GemmConfig&)> admit_failure;
  std::function<Check(core::Contender, const core::GemmConfig&)> check;
  std::function<void()> on_build;    // before a build; on compile threads
  std::function<void()> on_prepare;  // before operands are made
  std::function<void()> on_verify;   // before a verification
  // Before a contender is sampled in a round.
  std::function<void(core::Contender, const core::GemmConfig&)> on_sample;
  std::function<void(Round&)> on_round;  // after a round was filled
  std::function<void(const std::vector<core::GemmConfig>&)> on_round_of;  // before, with who runs
  std::function<void(const core::Trial&)> on_trial;  // before a trial is recorded
  double noise = 0;                                  // relative; alternates over the rounds
  std::string reference = "cublaslt-block";
  std::string reference_note;
  int processes = 1;    // that have the GPU open
  bool healthy = true;  // the GPU's context still works

  std::atomic<int> builds{0};
  int verifies = 0;
  int rounds = 0;
  core::GemmProblem problem;  // the last one that was prepared
  core::GroupDraw prepared;   // and its draw
  int admitted_now = 0;

  static core::Environment gpu_environment() {
    core::Environment environment;
    environment.device_id = "h100-sxm5";
    environment.device_name = "NVIDIA H100 80GB HBM3";
    environment.device_uuid = "GPU-scripted";
    environment.sms = 132;
    environment.driver = "580.82 (CUDA 13.0)";
    environment.nvrtc = "13.0";
    environment.library_version = "0.1.0";
    environment.cublaslt = "13.0.2";
    environment.sources_hash = "scripted";
    environment.sm_clock_max_mhz = 1980;
    environment.memory_clock_mhz = 2619;
    environment.application_clock_mhz = 1980;
    environment.power_limit_w = 700;
    return environment;
  }
};

// Bits that every correct result has.
inline constexpr unsigned long long kRightBits = 0x5eed;

inline Check passing_check() {
  Check check;
  check.verification.reference = "cublaslt-block";
  check.verification.relative_error = 1e-3;
  check.verification.repeatable = true;
  check.verification.bits_hash = kRightBits;
  return check;
}

class Builder final : public core::KernelBuilder {
 public:
  explicit Builder(Script& script) : script_(script) {}

  std::string key(const core::GemmConfig& config) const override {
    return "key:" + core::to_string(config);
  }

  core::BuildResult build(const core::GemmConfig& config) override {
    if (script_.on_build) script_.on_build();
    ++script_.builds;
    core::BuildResult result;
    if (script_.compile_failure) result.failure = script_.compile_failure(config);
    if (!result.failure.empty()) return result;
    core::Cubin cubin;
    cubin.key = key(config);
    cubin.entry = kernels::kDenseEntry;
    cubin.config = config;
    cubin.image = {'c', 'u', 'b', 'i', 'n'};
    cubin.build.registers = 168;
    cubin.build.shared_bytes = static_cast<int>(kernels::shared_bytes(config));
    cubin.build.compile_seconds = 0.2;
    result.cubin = std::move(cubin);
    return result;
  }

 private:
  Script& script_;
};

class Bench final : public Workbench {
 public:
  Bench(Script& script, const core::GemmProblem& problem)
      : script_(script), problem_(problem), model_(script.device) {}

  std::string reference() const override { return script_.reference; }
  std::string reference_note() const override { return script_.reference_note; }

  Admission admit(core::Contender contender, const core::Cubin* cubin) override {
    const core::GemmConfig config = cubin != nullptr ? cubin->config : core::GemmConfig{};
    Admission admission;
    if (script_.admit_failure) admission.failure = script_.admit_failure(contender, config);
    if (!admission.failure.empty()) return admission;
    admission.id = next_id_++;
    admitted_[admission.id] = {contender, config};
    ++script_.admitted_now;
    return admission;
  }

  void dismiss(int id) override { script_.admitted_now -= static_cast<int>(admitted_.erase(id)); }

  Check verify(int id) override {
    if (script_.on_verify) script_.on_verify();
    ++script_.verifies;
    const Contestant& contestant = admitted_.at(id);
    if (script_.check) return script_.check(contestant.contender, contestant.config);
    return passing_check();
  }

  Round round(std::span<const int> ids) override {
    if (script_.on_round_of) {
      std::vector<core::GemmConfig> runs;
      for (int id : ids) runs.push_back(admitted_.at(id).config);
      script_.on_round_of(runs);
    }
    Round round;
    // -1, 0, +1 times the noise, in turn.
    const double factor = 1 + script_.noise * (script_.rounds % 3 - 1);
    for (int id : ids) {
      const Contestant& contestant = admitted_.at(id);
      if (script_.on_sample) script_.on_sample(contestant.contender, contestant.config);
      round.times_us.push_back(time_us(contestant) * factor);
    }
    round.sm_clock_mhz = 1755;
    ++script_.rounds;
    if (script_.on_round) script_.on_round(round);
    return round;
  }

 private:
  struct Contestant {
    core::Contender contender;
    core::GemmConfig config;
  };

  double time_us(const Contestant& contestant) const {
    if (script_.time_us) return script_.time_us(contestant.contender, contestant.config);
    double ours = model_.predict(problem_, contestant.config).total_us;
    if (script_.slow_down) ours *= script_.slow_down(contestant.config);
    switch (contestant.contender) {
      case core::Contender::kCublasLtBlock:
        return 1.2 * ours;
      case core::Contender::kCublasLtTensorwide:
        return 1.1 * ours;
      default:
        return ours;
    }
  }

  Script& script_;
  core::GemmProblem problem_;
  CostModel model_;
  std::map<int, Contestant> admitted_;
  int next_id_ = 0;
};

class Gpu final : public Executor {
 public:
  explicit Gpu(Script& script) : script_(script) {}
  const core::DeviceInfo& device() const override { return script_.device; }
  const core::Environment& environment() const override { return script_.environment; }
  std::string policy() const override { return "scripted"; }
  bool healthy() const override { return script_.healthy; }
  int processes() const override { return script_.processes; }
  std::unique_ptr<Workbench> prepare(const core::GemmProblem& problem,
                                     const core::GroupDraw& draw) override {
    script_.problem = problem;
    script_.prepared = draw;
    if (script_.on_prepare) script_.on_prepare();
    return std::make_unique<Bench>(script_, problem);
  }

 private:
  Script& script_;
};

// A TrialStore in memory.
class Store final : public core::TrialStore {
 public:
  explicit Store(Script& script) : script_(&script) {}

  std::vector<core::Trial> trials(const core::GemmProblem& problem,
                                  const core::Environment& environment) const override {
    std::vector<core::Trial> newest;
    for (auto row = trials_.rbegin(); row != trials_.rend(); ++row) {
      const auto& [trial, where] = *row;
      if (!core::agree(where, environment) || trial.problem != problem) continue;
      const bool seen = std::any_of(newest.begin(), newest.end(), [&](const core::Trial& each) {
        return each.contender == row->first.contender && each.config == row->first.config &&
               each.policy == row->first.policy;
      });
      if (!seen) newest.push_back(trial);
    }
    std::reverse(newest.begin(), newest.end());
    return newest;
  }

  std::optional<core::Winner> winner(const core::GemmProblem& problem,
                                     const core::Environment& environment,
                                     std::string_view rows) const override {
    for (auto row = winners_.rbegin(); row != winners_.rend(); ++row) {
      const auto& [winner, where] = *row;
      if (core::agree(where, environment) && winner.problem == problem && winner.rows == rows) {
        return winner;
      }
    }
    return std::nullopt;
  }

  std::vector<core::Winner> winners_of_twins(const core::GemmProblem& problem,
                                             const core::Environment& environment,
                                             std::string_view rows) const override {
    std::vector<core::Winner> found;
    for (auto row = winners_.rbegin(); row != winners_.rend(); ++row) {
      const auto& [winner, where] = *row;
      const bool is_meant = winner.measured && core::are_twins(where, environment);
      if (is_meant && winner.problem == problem && winner.rows == rows) found.push_back(winner);
    }
    return found;
  }

  std::vector<core::GemmConfig> quarantined(const core::Environment& environment) const override {
    std::map<std::pair<std::string, std::string>, const core::Trial*> newest;
    for (const auto& [trial, where] : trials_) {
      const bool ours = trial.contender == core::Contender::kCandidate ||
                        trial.contender == core::Contender::kDefault;
      if (!ours || trial.outcome == core::Outcome::kVerified || !core::agree(where, environment)) {
        continue;
      }
      newest[{core::to_string(trial.problem), core::to_string(trial.config)}] = &trial;
    }
    std::vector<core::GemmConfig> configs;
    for (const auto& [key, trial] : newest) {
      const bool bad =
          std::ranges::find(core::kQuarantining, trial->outcome) != core::kQuarantining.end();
      if (bad) configs.push_back(trial->config);
    }
    return configs;
  }

  std::vector<core::Winner> winners_of_family(const core::GemmProblem& problem,
                                              const core::Environment& environment) const override {
    const auto is_meant = [&](const core::Winner& winner, const core::Environment& where) {
      return core::agree(where, environment) && winner.problem.m != problem.m;
    };
    return newest_by_m_and_rows(problem, is_meant);
  }

  std::vector<core::Winner> winners_elsewhere(const core::GemmProblem& problem,
                                              const core::Environment& environment) const override {
    const auto is_meant = [&](const core::Winner& winner, const core::Environment& where) {
      return winner.measured && where.device_id == environment.device_id &&
             !core::agree(where, environment);
    };
    return newest_by_m_and_rows(problem, is_meant);
  }

  void record(const core::Trial& trial, const core::Environment& environment) override {
    if (script_->on_trial) script_->on_trial(trial);
    trials_.emplace_back(trial, environment);
  }
  void record(std::span<const core::Trial> trials, const core::Environment& environment) override {
    for (const core::Trial& each : trials) record(each, environment);
  }
  void record(const core::Cubin& cubin) override { cubins_.insert(cubin.key); }
  void record(const core::Winner& winner, const core::Environment& environment) override {
    winners_.emplace_back(winner, environment);
  }
  std::optional<core::Calibration> calibration(
      const core::Environment& environment) const override {
    std::optional<core::Calibration> best;
    for (const auto& [calibration, where] : calibrations_) {
      if (where == environment && (!best || calibration.problems >= best->problems)) {
        best = calibration;
      }
    }
    return best;
  }
  void record(const core::Calibration& calibration, const core::Environment& environment) override {
    calibrations_.emplace_back(calibration, environment);
  }

  const std::vector<std::pair<core::Trial, core::Environment>>& rows() const { return trials_; }
  std::size_t calibrations() const { return calibrations_.size(); }
  const std::set<std::string>& cubins() const { return cubins_; }
  const std::vector<std::pair<core::Winner, core::Environment>>& winners() const {
    return winners_;
  }

 private:
  // Of the problems that differ from this one in m at most; m ascending, the usual rows first.
  template <class IsMeant>
  std::vector<core::Winner> newest_by_m_and_rows(const core::GemmProblem& problem,
                                                 IsMeant is_meant) const {
    std::map<std::pair<std::int64_t, std::string>, core::Winner> newest;
    for (const auto& [winner, where] : winners_) {
      core::GemmProblem same = winner.problem;
      same.m = problem.m;
      if (same != problem || !is_meant(winner, where)) continue;
      newest[{winner.problem.m, winner.rows}] = winner;
    }
    std::vector<core::Winner> list;
    for (auto& [key, winner] : newest) list.push_back(std::move(winner));
    return list;
  }

  Script* script_;
  std::vector<std::pair<core::Trial, core::Environment>> trials_;
  std::vector<std::pair<core::Winner, core::Environment>> winners_;
  std::vector<std::pair<core::Calibration, core::Environment>> calibrations_;
  std::set<std::string> cubins_;
};

}  // namespace deepgemm::autotune::scripted
