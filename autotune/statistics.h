// Order statistics of samples: no distribution is assumed, since times have a long tail.
#pragma once

#include <span>
#include <vector>

#include "core/trial.h"

namespace deepgemm::autotune {

// Value below which a share q of the samples lies, linear between neighbours (the rule of numpy's
// default). q in [0, 1]; samples need no order, at least one.
double quantile(std::span<const double> samples, double q);
double median(std::span<const double> samples);

struct Interval {
  double low;
  double high;
};

// Confidence interval of the median, 95 % or a little more: the d-th smallest and d-th largest
// sample, where d is the largest rank that a binomial of n and 1/2 allows (David and Nagaraja,
// Order Statistics, section 7.1). Fewer than six samples cannot give 95 %: then all of them.
Interval median_interval(std::span<const double> samples);

// Fills median, spread and interval; the samples stay in their order. No samples: all zero.
core::Measurement summarise(std::vector<double> samples_us);

// Differences below this share are never called faster: two runs of one kernel differ by as much.
inline constexpr double kNoiseShare = 0.01;

// Contenders of one race that are so close tie. Some times what a long race leaves uncertain: the
// wider the band, the less often whom the fixed order prefers lies at its very edge, where two
// tunes of one GPU may disagree. With it two tunes agreed on all of 49 shapes (scripts/gpu-trust).
inline constexpr double kTieShare = 0.003;

// What a candidate must gain on the default to take its place. Two tunes may disagree about who
// gains just that, and then their answers are so far apart.
inline constexpr double kGainShare = 0.005;

// What may turn out to tie, once it is measured longer: two standard errors of 25 rounds.
inline constexpr double kLooseTieShare = 0.01;

// a is faster than b beyond the noise: the intervals do not touch and the medians differ by more
// than `share`. False where either was not measured.
bool clearly_faster(const core::Measurement& a, const core::Measurement& b,
                    double share = kNoiseShare);

}  // namespace deepgemm::autotune
