// When a race has been sampled enough, and who need not run on.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/trial.h"

namespace deepgemm::autotune {

// One contender of a race as the rule sees it.
struct Standing {
  const core::Measurement* measurement;
  bool ours;   // candidates and the default lead or trail; libraries only run along
  bool stays;  // never drops out: the default and the libraries
};

struct StoppingOptions {
  int batch = 5;             // rounds between two judgements
  int min_rounds = 15;       // no race ends sooner
  int max_rounds = 60;       // nor later
  double precision = 0.005;  // half width of the interval, over the median, that is enough
  int finalists = 8;         // candidates that halving leaves in the race
  int halving_from = 0;      // rounds before which nobody is halved away
  double edge = 0;           // who ties with the leader: within this share; 0: not asked
  double gain = 0;           // the same for the default, which must be beaten by more
  int stay = 2;              // the fastest candidates, who never leave: a winner has a runner-up
};

class StoppingRule {
 public:
  explicit StoppingRule(const StoppingOptions& options = {}) : options_(options) {}

  // Rounds to run before the next judgement.
  int next_batch(int rounds_done) const;

  // Indices of those to drop: the clearly slower ones; with an edge, those that clearly lie beyond
  // it, whom more rounds cannot make a winner; and of the rest the slower half, as long as there
  // are more than `finalists` (successive halving, Jamieson and Talwalkar 2016), but nobody that
  // may tie with the fastest: the noise of the day would choose whom the fixed order can choose
  // from. Who is slower is told round by round where all have as many samples, which leaves a fifth
  // less to chance than medians do.
  std::vector<std::size_t> dropouts(std::span<const Standing> racing) const;

  // Every interval of ours is narrow enough, and everyone, compared round by round, is clear of the
  // tie band's edge, so that another run would let the same ones in; or the rounds are used up.
  bool enough(std::span<const Standing> racing, int rounds_done) const;

  const StoppingOptions& options() const { return options_; }

 private:
  StoppingOptions options_;
};

}  // namespace deepgemm::autotune
