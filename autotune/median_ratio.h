// How one set of samples compares with another: the ratio of their medians, with its uncertainty.
#pragma once

#include <cstddef>
#include <span>

#include "autotune/statistics.h"

namespace deepgemm::autotune {

// The ratio of two medians on a logarithmic scale, where slower by a share and faster by the same
// share are equally far from 0.
struct MedianRatio {
  double log_ratio = 0;       // ln(median of `later` / median of `earlier`)
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
MedianRatio ratio_of_medians(std::span<const double> earlier, std::span<const double> later);

// The z that a standard normal exceeds with probability `tail`, for 0 < tail < 1. Absolute error
// below 1e-9.
double normal_quantile_above(double tail);

}  // namespace deepgemm::autotune
