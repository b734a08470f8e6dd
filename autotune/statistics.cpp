#include "autotune/statistics.h"

#include <algorithm>
#include <cmath>

namespace deepgemm::autotune {
namespace {

std::vector<double> sorted(std::span<const double> samples) {
  std::vector<double> copy(samples.begin(), samples.end());
  std::sort(copy.begin(), copy.end());
  return copy;
}

double quantile_of_sorted(std::span<const double> samples, double q) {
  const double at = q * static_cast<double>(samples.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, samples.size() - 1);
  return samples[below] + (at - static_cast<double>(below)) * (samples[above] - samples[below]);
}

// Largest d >= 1 with P(fewer than d of n samples lie below the median) <= 2.5 %; 1 if none.
std::size_t interval_rank(std::size_t n) {
  const double count = static_cast<double>(n);
  double tail = 0;
  std::size_t rank = 0;
  while (rank < n / 2) {
    const double i = static_cast<double>(rank);
    tail += std::exp(std::lgamma(count + 1) - std::lgamma(i + 1) - std::lgamma(count - i + 1) -
                     count * std::log(2.0));
    if (tail > 0.025) break;
    ++rank;
  }
  return std::max<std::size_t>(rank, 1);
}

Interval interval_of_sorted(std::span<const double> samples) {
  const std::size_t rank = interval_rank(samples.size());
  return {samples[rank - 1], samples[samples.size() - rank]};
}

}  // namespace

double quantile(std::span<const double> samples, double q) {
  return quantile_of_sorted(sorted(samples), q);
}

double median(std::span<const double> samples) { return quantile(samples, 0.5); }

Interval median_interval(std::span<const double> samples) {
  return interval_of_sorted(sorted(samples));
}

core::Measurement summarise(std::vector<double> samples_us) {
  core::Measurement measurement;
  measurement.samples_us = std::move(samples_us);
  if (measurement.samples_us.empty()) return measurement;
  const std::vector<double> ordered = sorted(measurement.samples_us);
  measurement.median_us = quantile_of_sorted(ordered, 0.5);
  measurement.spread_us =
      (quantile_of_sorted(ordered, 0.75) - quantile_of_sorted(ordered, 0.25)) / 2;
  const Interval interval = interval_of_sorted(ordered);
  measurement.ci_low_us = interval.low;
  measurement.ci_high_us = interval.high;
  return measurement;
}

bool clearly_faster(const core::Measurement& a, const core::Measurement& b, double share) {
  if (a.samples_us.empty() || b.samples_us.empty()) return false;
  return a.ci_high_us < b.ci_low_us && a.median_us * (1 + share) < b.median_us;
}

}  // namespace deepgemm::autotune
