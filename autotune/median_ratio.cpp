#include "autotune/median_ratio.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace deepgemm::autotune {
namespace {

std::vector<double> sorted_logarithms(std::span<const double> samples) {
  std::vector<double> logarithms;
  logarithms.reserve(samples.size());
  for (const double sample : samples) logarithms.push_back(std::log(sample));
  std::sort(logarithms.begin(), logarithms.end());
  return logarithms;
}

// P(at most `most` of n fair coins show heads).
double binomial_tail(std::size_t n, std::size_t most) {
  const double count = static_cast<double>(n);
  double tail = 0;
  for (std::size_t i = 0; i <= most; ++i) {
    const double heads = static_cast<double>(i);
    tail += std::exp(std::lgamma(count + 1) - std::lgamma(heads + 1) -
                     std::lgamma(count - heads + 1) - count * std::log(2.0));
  }
  return tail;
}

// Variance of the median of sorted values: two order statistics about sqrt(n) away from the middle
// enclose it with a known probability, and so many standard errors lie between them.
double variance_of_median(std::span<const double> values) {
  const double count = static_cast<double>(values.size());
  const double rank = std::round((count + 1) / 2 - std::sqrt(count));
  const auto skipped = static_cast<std::size_t>(std::max(rank, 1.0)) - 1;
  const double z = normal_quantile_above(binomial_tail(values.size(), skipped));
  const double error = (values[values.size() - 1 - skipped] - values[skipped]) / (2 * z);
  return error * error;
}

double normal_tail_above(double z) { return std::erfc(z / std::sqrt(2.0)) / 2; }

}  // namespace

double normal_quantile_above(double tail) {
  double low = -40;
  double high = 40;
  for (int i = 0; i < 80; ++i) {  // halves 80 down to below the precision of a double
    const double middle = (low + high) / 2;
    (normal_tail_above(middle) > tail ? low : high) = middle;
  }
  return (low + high) / 2;
}

double MedianRatio::ratio() const { return std::exp(log_ratio); }

Interval MedianRatio::interval(double alpha) const {
  const double reach = normal_quantile_above(alpha / 2) * standard_error;
  return {std::exp(log_ratio - reach), std::exp(log_ratio + reach)};
}

MedianRatio ratio_of_medians(std::span<const double> earlier, std::span<const double> later) {
  const std::vector<double> before = sorted_logarithms(earlier);
  const std::vector<double> after = sorted_logarithms(later);
  return {std::log(median(later) / median(earlier)),
          std::sqrt(variance_of_median(before) + variance_of_median(after))};
}

}  // namespace deepgemm::autotune
