// How long the tuner waits for its worker.
#pragma once

#include <chrono>

#include "autotune/interrupt.h"

namespace deepgemm::autotune {

// Ends with its limit or with the deadline of a budget, whichever comes first. Time in which this
// process did not run itself, because its job was suspended, does not count towards the limit: the
// worker was suspended with it, and might still be.
class WorkerWait {
 public:
  using Clock = std::chrono::steady_clock;

  // `limit_s` 0: no limit.
  explicit WorkerWait(double limit_s = 0, const Deadline& deadline = {},
                      Clock::time_point now = Clock::now());

  // To be called at every look-up, which are kBetweenLookUps apart where this process runs.
  void look_up(Clock::time_point now = Clock::now());
  // As of the last look-up.
  bool is_over() const { return last_ >= end_ || deadline_.passed(); }
  // From the start to the last look-up, without what does not count.
  double seconds() const { return std::chrono::duration<double>(last_ - start_).count(); }

  static constexpr std::chrono::milliseconds kBetweenLookUps{50};

 private:
  Clock::time_point start_;
  Clock::time_point last_;
  Clock::time_point end_ = Clock::time_point::max();
  Deadline deadline_;
};

}  // namespace deepgemm::autotune
