#include "app/bench_warnings.h"

#include <algorithm>
#include <stdexcept>

namespace deepgemm::app {

namespace {

using core::Contender;

constexpr WarningText kTexts[] = {
    {Warning::kUnverified, "unverified",
     "the kernel failed its check or was not checked: its time means nothing"},
    {Warning::kThrottled, "throttled",
     "samples were thrown away and taken again, because the GPU slowed down for heat or by "
     "hardware"},
    {Warning::kOtherProcess, "other-process",
     "another process had the GPU open while this row was measured"},
    {Warning::kNoisy, "noisy", "half the interquartile range is more than 3 % of the median"},
    {Warning::kAboveLimit, "above-limit",
     "faster than the limit says is possible: a ceiling was measured badly"},
    {Warning::kPowerCapped, "power-capped",
     "the SM clock was more than 3 % below its boost: normal for large shapes, and all contenders' "
     "lot"},
    {Warning::kBucket, "bucket", "this m was not tuned: the row of a neighbouring m answered"},
    {Warning::kOtherDevice, "other-device", "the row that answered was tuned on another device"},
    {Warning::kUntuned, "untuned", "nothing was tuned for this shape: the untuned default ran"},
};

bool any_rejected(const autotune::BenchmarkRow& row) {
  return std::ranges::any_of(
      row.entries, [](const auto& entry) { return entry.measurement.rejected_samples > 0; });
}

bool holds(Warning warning, const BenchReport& report, const BenchLine& line,
           const autotune::BenchmarkEntry& ours) {
  const core::Measurement& measurement = ours.measurement;
  switch (warning) {
    case Warning::kUnverified:
      return ours.check.outcome != core::Outcome::kMeasured ||
             ours.check.verification.reference.empty();
    case Warning::kThrottled:
      return any_rejected(line.row);
    case Warning::kOtherProcess:
      return line.gpu_processes > 1;  // one is this
    case Warning::kNoisy:
      return measurement.spread_us > kNoisyShare * measurement.median_us;
    case Warning::kAboveLimit:
      return share_of_limit(report, line) > 1;
    case Warning::kPowerCapped:
      return measurement.sm_clock_mhz > 0 &&
             measurement.sm_clock_mhz < kCappedShare * report.device.clock_mhz;
    case Warning::kBucket:
      return line.choice.match == "bucket";
    case Warning::kOtherDevice:
      return line.choice.match == "other-device";
    case Warning::kUntuned:
      return line.choice.match == "none";
  }
  return false;
}

}  // namespace

std::span<const WarningText> warning_texts() { return kTexts; }

std::string_view name(Warning warning) {
  for (const WarningText& text : kTexts) {
    if (text.warning == warning) return text.name;
  }
  throw std::logic_error("a warning has no text");
}

std::vector<Warning> warnings_of(const BenchReport& report, const BenchLine& line) {
  const auto* ours = find_entry(line.row, Contender::kCandidate);
  if (ours == nullptr) return {Warning::kUnverified};
  std::vector<Warning> warnings;
  for (const WarningText& text : kTexts) {
    if (holds(text.warning, report, line, *ours)) warnings.push_back(text.warning);
  }
  return warnings;
}

std::string warning_names(const BenchReport& report, const BenchLine& line) {
  std::string names;
  for (const Warning warning : warnings_of(report, line)) {
    if (!names.empty()) names += ' ';
    names += name(warning);
  }
  return names;
}

}  // namespace deepgemm::app
