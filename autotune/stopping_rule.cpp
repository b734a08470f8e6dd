#include "autotune/stopping_rule.h"

#include <algorithm>
#include <cmath>

#include "autotune/sample_ratio.h"
#include "autotune/statistics.h"

namespace deepgemm::autotune {
namespace {

const core::Measurement* leader_of(std::span<const Standing> racing) {
  const core::Measurement* leader = nullptr;
  for (const Standing& each : racing) {
    if (!each.ours || each.measurement->samples_us.empty()) continue;
    if (leader == nullptr || each.measurement->median_us < leader->median_us) {
      leader = each.measurement;
    }
  }
  return leader;
}

bool narrow(const core::Measurement& measurement, double precision) {
  return measurement.ci_high_us - measurement.ci_low_us <= 2 * precision * measurement.median_us;
}

// Whether it is clear if `other` lies within `edge` of the leader: then more rounds decide nothing.
bool settled(const core::Measurement& leader, const core::Measurement& other, double edge) {
  constexpr double kClear = 2;  // standard errors
  if (edge <= 0 || &leader == &other) return true;
  if (leader.samples_us.size() < kLeastSamplesForRatio ||
      leader.samples_us.size() != other.samples_us.size()) {
    return false;
  }
  const LogRatio ratio = ratio_by_rounds(leader.samples_us, other.samples_us);
  return std::abs(ratio.log_ratio - std::log1p(edge)) > kClear * ratio.standard_error;
}

}  // namespace

int StoppingRule::next_batch(int rounds_done) const {
  return std::max(0, std::min(options_.batch, options_.max_rounds - rounds_done));
}

std::vector<std::size_t> StoppingRule::dropouts(std::span<const Standing> racing) const {
  const core::Measurement* leader = leader_of(racing);
  std::vector<std::size_t> slower;
  if (leader == nullptr) return slower;
  std::vector<std::size_t> candidates;
  for (std::size_t i = 0; i < racing.size(); ++i) {
    if (!racing[i].stays && racing[i].ours) candidates.push_back(i);
  }
  std::stable_sort(candidates.begin(), candidates.end(), [&](std::size_t a, std::size_t b) {
    return racing[a].measurement->median_us < racing[b].measurement->median_us;
  });
  const auto stay = std::min(candidates.size(), static_cast<std::size_t>(options_.stay));
  const auto slow = std::stable_partition(
      candidates.begin() + static_cast<std::ptrdiff_t>(stay), candidates.end(),
      [&](std::size_t i) { return !clearly_faster(*leader, *racing[i].measurement); });
  const auto may_lead = static_cast<std::size_t>(slow - candidates.begin());
  const double band_us =
      racing[candidates.empty() ? 0 : candidates.front()].measurement->median_us *
      (1 + kLooseTieShare);
  std::stable_sort(candidates.begin() + static_cast<std::ptrdiff_t>(stay), slow,
                   [&](std::size_t a, std::size_t b) {
                     const bool a_ties = racing[a].measurement->median_us <= band_us;
                     const bool b_ties = racing[b].measurement->median_us <= band_us;
                     if (a_ties != b_ties) return a_ties;
                     return a_ties && racing[a].order < racing[b].order;
                   });
  const auto finalists = static_cast<std::size_t>(options_.finalists);
  const std::size_t keep = std::max(finalists, (may_lead + 1) / 2);
  const std::size_t staying = std::min(keep, may_lead);
  slower.assign(candidates.begin() + static_cast<std::ptrdiff_t>(staying), candidates.end());
  std::sort(slower.begin(), slower.end());
  return slower;
}

bool StoppingRule::enough(std::span<const Standing> racing, int rounds_done) const {
  if (rounds_done >= options_.max_rounds) return true;
  if (rounds_done < options_.min_rounds) return false;
  const core::Measurement* leader = leader_of(racing);
  return std::all_of(racing.begin(), racing.end(), [&](const Standing& each) {
    return !each.ours ||
           (narrow(*each.measurement, options_.precision) &&
            settled(*leader, *each.measurement, each.stays ? options_.gain : options_.edge));
  });
}

}  // namespace deepgemm::autotune
