// Does a stored choice still hold on this GPU? Checks its numbers and races it again.
#pragma once

#include <atomic>
#include <span>
#include <string>
#include <vector>

#include "autotune/rematch.h"

namespace deepgemm::autotune {

enum class RowVerdict {
  kHolds,       // right, and not clearly behind any rival
  kDrifted,     // right, but behind a rival by RecheckOptions::drift or more
  kWrong,       // wrong numbers, or it cannot run
  kNotChecked,  // nothing could run: given by who called recheck in vain
};
std::string_view name(RowVerdict verdict);  // "holds", "drifted", "wrong", "not checked"

struct RecheckOptions {
  double drift = 0.03;
  // After each batch the verdict is asked for; a clear one ends the race.
  int batch = 7;
  int max_rounds = 28;
};

struct Recheck {
  core::GemmProblem problem;
  RowVerdict verdict = RowVerdict::kHolds;
  std::string why;  // one clause without full stop
  // Median of the winner over that of the fastest rival: above 1 it is behind. 0: no rival ran.
  double over_rival = 0;
  std::vector<BenchmarkEntry> entries;  // as the kernels came, the winner first
};

// The first kernel is the winner. All are verified; those that are right take turns within each
// round, with the rows of `draw`. Throws Interrupted when `stop` is set, and EnvironmentError where
// the GPU is gone before anything is known of the winner.
Recheck recheck(Executor& executor, const core::GemmProblem& problem, const core::GroupDraw& draw,
                std::span<const Returning> kernels, const RecheckOptions& options,
                const std::atomic<bool>& stop);

// What the samples say. `is_clear`: more samples would hardly change it.
struct Drift {
  bool drifted = false;
  bool is_clear = false;
  double ratio = 0;  // of the medians, winner over rival
};
Drift judge_drift(std::span<const double> winner, std::span<const double> rival, double threshold);

}  // namespace deepgemm::autotune
