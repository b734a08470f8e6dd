// How --budget is shared out over shapes and GPUs.
#pragma once

#include <cstddef>

#include "autotune/interrupt.h"

namespace deepgemm::app {

class TimeBudget {
 public:
  using Clock = autotune::Deadline::Clock;

  // `seconds` 0: there is no budget.
  TimeBudget(double seconds, Clock::time_point start) : seconds_(seconds), start_(start) {}

  // Until when a shape that begins now may take to its first answer: past the end, where that is
  // not over, or where it is the call's first, so that a small budget is answered, too.
  autotune::Deadline last_moment(bool is_first) const;

  // Seconds for the first of so many turns that one GPU has until the end; 0: no budget.
  double share(std::size_t turns, Clock::time_point now = Clock::now()) const;

 private:
  double seconds_;
  Clock::time_point start_;
};

// How many shapes a GPU must be ready to tune, the one that it begins counted: of `left` its part,
// where `gpus` have not failed, and at least the `own` ones that no other takes.
std::size_t turns_of(std::size_t own, std::size_t left, std::size_t gpus);

}  // namespace deepgemm::app
