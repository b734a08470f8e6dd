// The stages of a tune that need hardware or the store, and what they share. Tuner::run calls them
// in order.
#pragma once

#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "autotune/calibration.h"
#include "autotune/lineup.h"
#include "autotune/race.h"
#include "autotune/stopping_rule.h"
#include "core/compile_pool.h"

namespace deepgemm::autotune {

// Candidates and the untuned default; the libraries only run along.
inline bool is_ours(const core::Trial& trial) {
  return trial.contender == core::Contender::kCandidate ||
         trial.contender == core::Contender::kDefault;
}

// A contender on its way through the stages.
struct Entrant {
  core::Trial trial;
  std::optional<core::Cubin> cubin;
  int id = -1;             // on the workbench; -1: not there, or not any more
  bool recorded = false;   // its trial is in the store as it stands
  bool confirmed = false;  // a time that looked too good passed a second check
  int race = -1;           // the last one that it ran in, counted from 0; -1: none
  double score = 0;        // its time over the default's in that race; 0: none
};

// One run on one problem. All references outlive it.
struct TuneContext {
  const core::GemmProblem& problem;
  const core::DeviceInfo& device;
  const core::Environment& environment;
  const core::Calibration& rates;  // that the plan was ranked at
  Calibrator& calibrator;
  const Plan& plan;
  const Lineup& lineup;
  const TuneOptions& options;
  core::KernelBuilder& builder;
  core::CompilePool& pool;
  Executor* executor;  // null where there is no GPU
  core::TrialStore& store;
  TuneObserver& observer;
  const std::atomic<bool>& stop;
  Deadline deadline;
  Deadline build_deadline;  // earlier: finalists must still be measured
  Deadline last_moment;     // later: what the first answer, and what a second check, may take
  std::string asked = "";   // what the winner answers, where everyone was tried; see asked_for
  std::unique_ptr<Workbench> bench = nullptr;
  bool budget_ran_out = false;
  // The final has not run to its end, or not with all who may be the fastest.
  bool final_cut = false;
  int races = 0;
  std::set<int> slowed_races = {};  // that took times of a GPU that did not leave slow-down
  // Called once, when the compiler has this problem's first kernels to build: those of the next one
  // must not come before them.
  std::function<void()> look_ahead = nullptr;

  core::GroupDraw draw() const { return options.draws.of(problem); }
  // What is only predicted is of the usual rows where it says nothing.
  std::string policy() const {
    return executor == nullptr ? core::unusual_rows(problem, draw())
                               : policy_with(executor->policy(), problem, draw());
  }
  // The winner that this run would replace.
  std::optional<core::Winner> stored_winner() const {
    return store.winner(problem, environment, core::unusual_rows(problem, draw()));
  }
  void record(Entrant& entrant);  // one durable transaction
  void progress(Stage stage, std::size_t done, std::size_t total);
};

// Below this many samples a measurement says nothing and is not kept.
inline constexpr std::size_t kFewestSamples = 5;

// An entrant for each candidate of a list, built in its order, some ahead on the pool's threads.
class Entries {
 public:
  // `list` must outlive it.
  Entries(TuneContext& context, const std::vector<RankedCandidate>& list);
  ~Entries();
  bool has_next() const { return taken_ < list_.size(); }
  // The entrant has a cubin, or its outcome says why not. nullopt where the deadline passes first.
  std::optional<Entrant> next(const Deadline& deadline);

 private:
  void submit();

  TuneContext& context_;
  const std::vector<RankedCandidate>& list_;
  std::shared_ptr<std::atomic<bool>> cancelled_;
  std::deque<std::future<core::BuildResult>> builds_;
  std::size_t submitted_ = 0;
  std::size_t taken_ = 0;
};

// The entrant has an id and may race, or its outcome says why not. `known`: an earlier check of the
// same kernel, which is not repeated; null: none.
void verify(Workbench& bench, Entrant& entrant, const core::Trial* known = nullptr);

struct RaceTerms {
  StoppingRule rule;
  Deadline deadline;
  bool record_again = false;  // also those that an earlier race has recorded
};

// Runs `entrants[i]` for each i of `who` against each other until the rule has enough, or the
// deadline passes, which `false` says. Everyone gets its measurement, where it has enough samples,
// and is recorded when it leaves, and once before it where it races on after the first rounds; who
// dropped out is dismissed.
bool run_race(TuneContext& context, std::vector<Entrant>& entrants,
              const std::vector<std::size_t>& who, const RaceTerms& terms);

// Of entrants that have a time: who cannot be so fast is rejected. Whose time looks too good is
// taken for a wrong kernel until a second check passes, and rejected where it fails. The check may
// take until the last moment, though the budget may be over: it might win. Who is not through by
// then leaves the workbench, and nothing is decided. The workbench then ends by the last moment.
void confirm_times(TuneContext& context, std::span<Entrant* const> entrants);

// Builds the line-up where there is no GPU: what compiles is recorded as predicted.
std::vector<Entrant> compile_only(TuneContext& context);

// Builds, checks and races the line-up in heats, while the next ones compile. Everyone's trial is
// recorded as soon as its heat is over; the best of all heats stay on the workbench.
std::vector<Entrant> run_heats(TuneContext& context);

// Races the best again, in fresh rounds beside the libraries, which join `entrants`: a time that
// was the best of many is a lucky one.
void run_final(TuneContext& context, std::vector<Entrant>& entrants);

// Picks the winner and records it after the cubins that it needs.
void record_winner(TuneContext& context, const std::vector<Entrant>& entrants, TuneResult& result);

}  // namespace deepgemm::autotune
