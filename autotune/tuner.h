// The pipeline from problems to recorded winners, for one GPU. Knows neither SQLite nor the
// terminal.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "autotune/calibration.h"
#include "autotune/executor.h"
#include "autotune/interrupt.h"
#include "autotune/search_space.h"
#include "core/compile_pool.h"
#include "core/store.h"

namespace deepgemm::autotune {

// How much later than a budget the first answer may come: a call that has one ends within two.
inline constexpr double kGraceSeconds = 1.5;

enum class Effort { kQuick, kDefault, kExhaustive };
std::string_view name(Effort effort);  // "quick", "default", "exhaustive"
std::optional<Effort> effort_named(std::string_view text);

struct TuneOptions {
  Effort effort = Effort::kDefault;
  double budget_seconds = 0;  // for one run(), 0: none; obeyed with a usable answer
  bool force = false;         // measure anew what the store already answers
  core::GroupDraws draws;     // the rows that grouped problems are measured with
  bool ask_twins = true;      // what another of several equal GPUs answered is no work here
};

enum class Stage { kEnumerate, kCompile, kVerify, kMeasure, kRecord };
std::string_view name(Stage stage);  // "enumerate", "compile", …

// What the pipeline tells while it runs. Called from the thread that called Tuner::run.
class TuneObserver {
 public:
  virtual ~TuneObserver() = default;
  virtual void progress(const core::GemmProblem&, Stage, int /*done*/, int /*total*/) {}
  virtual void check(const core::Trial&) {}  // its numbers are about to be checked
  virtual void trial(const core::Trial&) {}  // it is stored
  virtual void note(const std::string& /*sentence*/) {}
};

struct TuneResult {
  core::GemmProblem problem;
  core::GroupDraw draw;  // the rows it was measured with
  Plan plan;             // empty where the store was known to answer before anything was ranked
  std::optional<core::Winner> winner;  // nullopt: no candidate survived; `why` says so
  std::string why;
  bool resumed = false;  // the store already had the whole answer
  bool of_twin = false;  // namely that of another GPU of the same kind
  bool budget_ran_out = false;
  bool skipped = false;  // it ran out before there was an answer; nothing is known against one
  bool stands = false;   // it ran out before this call could compare the stored winner: that stays
  std::vector<core::Trial> trials;  // of this problem, old and new, as used for the winner
  double seconds = 0;
};

class LookAhead;

class Tuner {
 public:
  // `pool` builds through `builder`. `executor` is null where there is no GPU: candidates are
  // ranked and compiled, the best is recorded as predicted. All references must outlive the tuner.
  Tuner(const core::DeviceInfo& device, const core::Environment& environment, SearchSpace space,
        core::KernelBuilder& builder, core::CompilePool& pool, Executor* executor,
        core::TrialStore& store, TuneOptions options, TuneObserver& observer,
        const std::atomic<bool>& stop);
  ~Tuner();

  // Tries what the store does not answer, records every trial at once, then the winner and the
  // cubins of winner, runner-up and default. A problem that the GPU has no memory for ends without
  // a winner. Throws UsageError for an illegal problem, Interrupted (autotune/interrupt.h) when
  // `stop` is set; everything finished by then is recorded. A budget that ends before anything is
  // measured leaves what the store's trials answer, else may end a little later with a first
  // answer.
  // `next`, where it is known, is the problem of the next call: ranked and compiled for meanwhile.
  TuneResult run(const core::GemmProblem& problem, const core::GemmProblem* next = nullptr);

  // Of the runs that follow; see TuneOptions. `last_moment`: what first answers may take.
  void set_budget(double seconds, const Deadline& last_moment) {
    options_.budget_seconds = seconds;
    last_moment_ = last_moment;
  }

 private:
  // What a call asks for, on a device with these rates.
  using AskedAt = std::function<std::string(const core::DeviceInfo&)>;

  std::optional<core::Winner> answer_of_twin(const core::GemmProblem& problem,
                                             const AskedAt& asked_at);
  void answer_from_store(TuneResult& result, const Deadline& last_moment);
  void look_ahead(const core::GemmProblem& problem);
  std::vector<core::Trial> stored(const core::GemmProblem& problem) const;
  std::vector<core::Trial> answers(const core::GemmProblem& problem) const;
  std::optional<core::Winner> stored_winner(const core::GemmProblem& problem) const;
  std::vector<core::Winner> proposers_here(const core::GemmProblem& problem) const;
  const std::vector<core::GemmConfig>& barred();
  bool is_barred(const core::GemmConfig& config);
  void tell_of_barred(const std::optional<core::Winner>& stored);
  core::Calibration rates_of(const std::optional<core::Winner>& before) const;

  core::DeviceInfo device_;
  core::Environment environment_;
  SearchSpace space_;
  core::KernelBuilder& builder_;
  core::CompilePool& pool_;
  Executor* executor_;
  core::TrialStore& store_;
  TuneOptions options_;
  TuneObserver& observer_;
  const std::atomic<bool>& stop_;
  Calibrator calibrator_;
  std::optional<Deadline> last_moment_;  // nullopt: a little after each budget
  std::unique_ptr<LookAhead> ahead_;
  // What the store says, until this tuner has stored more.
  std::optional<std::vector<core::GemmConfig>> quarantined_;
  std::vector<core::GemmConfig> lost_;  // that ended a process in this tuner's runs
};

}  // namespace deepgemm::autotune
