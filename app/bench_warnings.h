// Reasons to read a row of a benchmark with care. The list is closed and each has one meaning.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/bench_report.h"

namespace deepgemm::app {

enum class Warning {
  kUnverified,
  kThrottled,
  kOtherProcess,
  kNoisy,
  kAboveLimit,
  kPowerCapped,
  kBucket,
  kOtherDevice,
  kUntuned,
};

struct WarningText {
  Warning warning;
  std::string_view name;     // "noisy", in reports
  std::string_view meaning;  // as a clause
};
// In order of importance.
std::span<const WarningText> warning_texts();
std::string_view name(Warning warning);

// Half the interquartile range above this share of the median is noisy.
inline constexpr double kNoisyShare = 0.03;
// An SM clock below this share of the boost clock is a power cap's.
inline constexpr double kCappedShare = 0.97;

// Those that hold for a row, in order of importance.
std::vector<Warning> warnings_of(const BenchReport& report, const BenchLine& line);
// Their names with blanks between them.
std::string warning_names(const BenchReport& report, const BenchLine& line);

}  // namespace deepgemm::app
