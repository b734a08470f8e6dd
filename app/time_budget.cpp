#include "app/time_budget.h"

#include <algorithm>

#include "autotune/tuner.h"

namespace deepgemm::app {

autotune::Deadline TimeBudget::last_moment(bool is_first) const {
  const autotune::Deadline end(start_, seconds_);
  return is_first || !end.passed() ? end.later(autotune::kGraceSeconds) : end;
}

double TimeBudget::share(std::size_t turns, Clock::time_point now) const {
  if (seconds_ <= 0) return 0;
  constexpr double kLeast = 1e-9;  // 0 would mean no budget
  const double left = seconds_ - std::chrono::duration<double>(now - start_).count();
  return std::max(left / static_cast<double>(turns), kLeast);
}

std::size_t turns_of(std::size_t own, std::size_t left, std::size_t gpus) {
  return std::max({std::size_t{1}, own, (left + gpus - 1) / gpus});
}

}  // namespace deepgemm::app
