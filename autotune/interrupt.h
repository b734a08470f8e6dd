// How work stops before its end.
#pragma once

#include <atomic>
#include <chrono>
#include <future>
#include <limits>
#include <optional>

namespace deepgemm::autotune {

// Thrown where `stop` was set; everything finished so far is recorded.
struct Interrupted {};

// How often a wait for the compiler looks up for an interrupt.
inline constexpr std::chrono::milliseconds kLookUp{20};

inline void throw_if_set(const std::atomic<bool>& stop) {
  if (stop.load(std::memory_order_relaxed)) throw Interrupted{};
}

// Thrown where a budget ended before the GPU answered; nobody on it is to blame.
struct OutOfTime {};

// A share of a time budget; none never ends.
class Deadline {
 public:
  using Clock = std::chrono::steady_clock;

  Deadline() = default;
  // budget_seconds <= 0: no deadline.
  Deadline(Clock::time_point start, double budget_seconds) {
    if (budget_seconds > 0) {
      end_ = start + std::chrono::duration_cast<Clock::duration>(
                         std::chrono::duration<double>(budget_seconds));
    }
  }

  // So many seconds later; none stays none.
  Deadline later(double seconds) const {
    Deadline moved;
    if (end_) {
      moved.end_ = *end_ + std::chrono::duration_cast<Clock::duration>(
                               std::chrono::duration<double>(seconds));
    }
    return moved;
  }

  bool is_set() const { return end_.has_value(); }
  bool passed() const { return end_ && Clock::now() >= *end_; }
  // Below 0 once it has passed; infinite where there is none.
  double seconds_left() const {
    if (!end_) return std::numeric_limits<double>::infinity();
    return std::chrono::duration<double>(*end_ - Clock::now()).count();
  }

 private:
  std::optional<Clock::time_point> end_;
};

// Waits for a result; false where the deadline passes first. Throws Interrupted when `stop` is set.
template <class T>
bool wait_for_result(std::future<T>& result, const std::atomic<bool>& stop,
                     const Deadline& deadline = {}) {
  while (result.wait_for(kLookUp) != std::future_status::ready) {
    throw_if_set(stop);
    if (deadline.passed()) return false;
  }
  return true;
}

}  // namespace deepgemm::autotune
