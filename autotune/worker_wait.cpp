#include "autotune/worker_wait.h"

namespace deepgemm::autotune {
namespace {

// A busy machine lets a process wait, too, but not for so long.
constexpr std::chrono::seconds kSuspended{1};

}  // namespace

WorkerWait::WorkerWait(double limit_s, const Deadline& deadline, Clock::time_point now)
    : start_(now), last_(now), deadline_(deadline) {
  if (limit_s <= 0) return;
  end_ = now + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(limit_s));
}

void WorkerWait::look_up(Clock::time_point now) {
  if (const auto between = now - last_; between > kSuspended) {
    const auto excess = between - kBetweenLookUps;
    start_ += excess;
    if (end_ != Clock::time_point::max()) end_ += excess;
  }
  last_ = now;
}

}  // namespace deepgemm::autotune
