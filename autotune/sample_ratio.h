// How one set of samples compares with another: the ratio of their times, with its uncertainty.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "autotune/statistics.h"

namespace deepgemm::autotune {

// A ratio on a logarithmic scale, where slower by a share and faster by the same share are equally
// far from 0.
struct LogRatio {
  double log_ratio = 0;       // ln(later / earlier)
  double standard_error = 0;  // of log_ratio

  double ratio() const;
  // The two-sided interval that holds the true ratio with probability 1 - alpha.
  Interval interval(double alpha) const;
};

// Below this many samples on either side the standard error means nothing.
inline constexpr std::size_t kLeastSamplesForRatio = 6;

// The distribution-free estimate of Price and Bonett (Distribution-free confidence intervals for
// difference and ratio of medians, J. Stat. Comput. Simul. 72, 2002): each median's variance comes
// from the distance of two order statistics around it, so that the tail of late samples, which
// every series of times has, does not widen the interval. All samples must be positive, and there
// must be at least kLeastSamplesForRatio on either side.
LogRatio ratio_of_medians(std::span<const double> earlier, std::span<const double> later);

// Of two contenders of one race, from sample i of either in round i: the mean of ln(later /
// earlier) over the middle half of the rounds, with the standard error of a trimmed mean (Tukey and
// McLaughlin, Sankhya A 25, 1963). Since a round's level drops out, the clock may drift while they
// race; and as a mean it tells times apart that differ by less than the timer's tick, 32 ns. As
// many samples on both sides, all positive, at least kLeastSamplesForRatio.
LogRatio ratio_by_rounds(std::span<const double> earlier, std::span<const double> later);

// The same for many: series[i] holds what contender i took in each round. For each contender its
// mean of ln(time / the round's geometric mean); two of them differ by the logarithm of their
// ratio.
std::vector<double> compare_by_rounds(std::span<const std::span<const double>> series);

// The z that a standard normal exceeds with probability `tail`, for 0 < tail < 1. Absolute error
// below 1e-9.
double normal_quantile_above(double tail);

}  // namespace deepgemm::autotune
