#include "autotune/sample_ratio.h"

#include <algorithm>
#include <cmath>
#include <numeric>
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

// The middle half of some values, in ascending order, and all of them with the others pulled in to
// its ends.
struct Middle {
  explicit Middle(std::vector<double> values) : all(std::move(values)) {
    std::sort(all.begin(), all.end());
    cut = all.size() / 4;
  }

  double mean() const {
    return std::accumulate(all.begin() + static_cast<std::ptrdiff_t>(cut),
                           all.end() - static_cast<std::ptrdiff_t>(cut), 0.0) /
           static_cast<double>(all.size() - 2 * cut);
  }

  double standard_error_of_mean() const {
    const double count = static_cast<double>(all.size());
    const auto pulled_in = [&](double x) {
      return std::clamp(x, all[cut], all[all.size() - 1 - cut]);
    };
    double sum = 0;
    for (const double x : all) sum += pulled_in(x);
    double squares = 0;
    for (const double x : all) squares += std::pow(pulled_in(x) - sum / count, 2);
    return std::sqrt(squares / (count - 1)) /
           ((1 - 2 * static_cast<double>(cut) / count) * std::sqrt(count));
  }

  std::vector<double> all;
  std::size_t cut;
};

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

double LogRatio::ratio() const { return std::exp(log_ratio); }

Interval LogRatio::interval(double alpha) const {
  const double reach = normal_quantile_above(alpha / 2) * standard_error;
  return {std::exp(log_ratio - reach), std::exp(log_ratio + reach)};
}

LogRatio ratio_of_medians(std::span<const double> earlier, std::span<const double> later) {
  const std::vector<double> before = sorted_logarithms(earlier);
  const std::vector<double> after = sorted_logarithms(later);
  return {std::log(median(later) / median(earlier)),
          std::sqrt(variance_of_median(before) + variance_of_median(after))};
}

LogRatio ratio_by_rounds(std::span<const double> earlier, std::span<const double> later) {
  std::vector<double> ratios(earlier.size());
  std::transform(earlier.begin(), earlier.end(), later.begin(), ratios.begin(),
                 [](double before, double after) { return std::log(after / before); });
  const Middle middle(std::move(ratios));
  return {middle.mean(), middle.standard_error_of_mean()};
}

std::vector<double> compare_by_rounds(std::span<const std::span<const double>> series) {
  if (series.empty()) return {};
  const std::size_t rounds = series.front().size();
  std::vector<double> levels(rounds, 0.0);
  for (const std::span<const double> times : series) {
    for (std::size_t round = 0; round < rounds; ++round) {
      levels[round] += std::log(times[round]) / static_cast<double>(series.size());
    }
  }
  std::vector<double> means;
  for (const std::span<const double> times : series) {
    std::vector<double> above(rounds);
    for (std::size_t round = 0; round < rounds; ++round) {
      above[round] = std::log(times[round]) - levels[round];
    }
    means.push_back(Middle(std::move(above)).mean());
  }
  return means;
}

}  // namespace deepgemm::autotune
