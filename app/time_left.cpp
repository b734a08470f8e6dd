#include "app/time_left.h"

#include <fmt/format.h>

namespace deepgemm::app {

TimeLeft::TimeLeft(std::size_t total, Clock::time_point start) : total_(total), start_(start) {}

std::string TimeLeft::text(std::size_t done, Clock::time_point now) const {
  if (done == 0 || done >= total_) return "";
  const double so_far = std::chrono::duration<double>(now - start_).count();
  const double each = so_far / static_cast<double>(done);
  return fmt::format(", about {} left", rough_duration(each * static_cast<double>(total_ - done)));
}

std::string rough_duration(double seconds) {
  constexpr double kMinute = 60;
  constexpr double kHour = 60 * kMinute;
  if (seconds < 100) return fmt::format("{:.0f} s", seconds < 1 ? 1 : seconds);
  if (seconds < 100 * kMinute) return fmt::format("{:.0f} min", seconds / kMinute);
  return fmt::format("{:.1f} h", seconds / kHour);
}

}  // namespace deepgemm::app
