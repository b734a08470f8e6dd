// Device time of launches alone, with L2 cold.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/device_memory.h"

namespace deepgemm::autotune {

// Before each timed launch 512 MB are filled, ten times the L2, which leaves it cold and dirty as a
// real step of a model would. The time comes from CUPTI's activity records: start and end of each
// kernel as the GPU stamped them. They read 0.8 to 1.2 us for an empty kernel; the difference
// between graphs with and without it, timed by events, read 3 us and more (both on an H100).
class Timer {
 public:
  static constexpr std::size_t kFlushBytes = std::size_t{512} << 20;

  // Throws EnvironmentError, with the next step, where CUPTI is missing or another profiler holds
  // it. One Timer per process at a time.
  explicit Timer(const core::Stream& stream);
  ~Timer();

  struct Launch {
    std::function<void()> enqueue;  // at least one kernel on the stream
    // Enqueued once more, untimed, before the fill: then its code lies in the SMs' instruction
    // caches. Otherwise it depends on who ran before whether it still does, which makes 0.3 us.
    bool code_warm = true;
  };

  // One sample of each launch, in order: microseconds from the start of its first kernel to the
  // end of its last.
  std::vector<double> sample(std::span<const Launch> launches);

  static std::string policy();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace deepgemm::autotune
