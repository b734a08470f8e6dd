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
  std::vector<core::Trial> known;      // stored trials that stand as they are
  bool answered = false;               // nothing new to try
  // Who races again where everything was tried and the call ended before a winner was stored.
  std::vector<RankedCandidate> rerun;
  // Configs that are not tried, whoever proposes them, and how many of them this line-up lacks.
  std::vector<core::GemmConfig> quarantined;
  int left_out = 0;
};

// The GPU, its times as they are predicted, and configs that end the process that runs them there.
struct Ranker {
  const core::DeviceInfo& device;
  CostModel model;
  std::span<const core::GemmConfig> quarantined = {};
};

// `stored` trials of an equal environment are not repeated, with two exceptions: whenever anything
// new is measured, the default and the fastest few stored candidates run along, because times of
// two sessions differ by more than the gaps they must decide. What won for other m of the family
// (`neighbours`) is tried early, wherever the model ranks it; it alone is no reason to tune again.
// What is quarantined is not tried, but for the default.
Lineup line_up(const core::GemmProblem& problem, const Plan& plan, const Ranker& ranker,
               Effort effort, std::vector<core::Trial> stored,
               std::span<const core::Winner> neighbours, bool gpu);

}  // namespace deepgemm::autotune
