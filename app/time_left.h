// How much longer a list of like things will take, from how long those that are done took.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace deepgemm::app {

class TimeLeft {
 public:
  using Clock = std::chrono::steady_clock;

  explicit TimeLeft(std::size_t total, Clock::time_point start = Clock::now());

  // ", about 40 s left", for the end of a line; empty before the first is done.
  std::string text(std::size_t done, Clock::time_point now = Clock::now()) const;

 private:
  std::size_t total_;
  Clock::time_point start_;
};

// "40 s", "7 min", "2.5 h".
std::string rough_duration(double seconds);

}  // namespace deepgemm::app
