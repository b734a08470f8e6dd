// Who is tried for a problem: the cut through the ranking, and what the store already answers.
#pragma once

#include <span>
#include <vector>

#include "autotune/search_space.h"
#include "autotune/tuner.h"
#include "core/trial.h"

namespace deepgemm::autotune {

// The best of a ranking for an effort. Candidates of one family (block_m, block_n,
// math_warpgroups) behave alike, and the model is no better than its constants: so no family
// takes more than a few places while others are left. `gpu`: whether candidates will be measured;
// otherwise fewer are compiled.
std::vector<RankedCandidate> cut(std::span<const RankedCandidate> ranked, Effort effort, bool gpu);

struct Lineup {
  RankedCandidate fallback;            // core::default_config of the problem
  std::vector<RankedCandidate> start;  // who is built now, in order; the default first
  // Of these, or of `rerun`, those that were measured in earlier calls that did not decide, and may
  // be the fastest: a winner is decided only after they ran.
  std::vector<core::GemmConfig> undecided;
  std::vector<core::Trial> known;  // stored trials that stand as they are
  // Stored trials that were checked and not timed: the same kernel need not be checked again.
  std::vector<core::Trial> verified;
  bool answered = false;  // nothing new to try
  // Who races again where everything was tried and the call ended before it had decided.
  std::vector<RankedCandidate> rerun;
  // Configs that are not tried, whoever proposes them, and how many of them this line-up lacks.
  std::vector<core::GemmConfig> quarantined;
  int left_out = 0;
  int seeds = 0;  // winners of other environments of which something is tried
};

// The GPU, its times as they are predicted, configs that end the process that runs them there, and
// the space, whose fixed fields bind what others propose, too (null: none is fixed).
struct Ranker {
  const core::DeviceInfo& device;
  CostModel model;
  std::span<const core::GemmConfig> quarantined = {};
  const SearchSpace* space = nullptr;
};

// Measured winners whose configs, and those of their runners-up, are worth a try for a problem.
struct Proposers {
  std::span<const core::Winner> here = {};       // of other m of the family, in this environment
  std::span<const core::Winner> elsewhere = {};  // see core::TrialStore::winners_elsewhere
};

// What the store knows of a problem in an equal environment.
struct Known {
  std::vector<core::Trial> trials;            // the oldest first
  bool decided = true;                        // a whole final chose the winner of all of them
  std::vector<core::GemmConfig> chosen = {};  // the stored winner and its runner-up
};

// Known trials are not repeated, with two exceptions: whenever anything new is measured, the
// default, the stored winner with its runner-up and the fastest few known candidates run along,
// because times of two sessions, and of two races, differ by more than the gaps they must decide;
// where nothing was decided, all known candidates that may be the fastest do, behind what is new:
// calls with a budget, however small, come to everyone. What the nearest proposers name is tried
// early, wherever the model ranks it, where no law of the space and no fixed field is against it;
// it alone is no reason to tune again. What is quarantined is not tried, the default neither.
Lineup line_up(const core::GemmProblem& problem, const Plan& plan, const Ranker& ranker,
               Effort effort, Known known, const Proposers& proposers, bool gpu);

}  // namespace deepgemm::autotune
