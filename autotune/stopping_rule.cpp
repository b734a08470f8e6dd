#include "autotune/stopping_rule.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "autotune/sample_ratio.h"
#include "autotune/statistics.h"

namespace deepgemm::autotune {
namespace {

// The logarithm of everyone's time, up to a constant that all share.
std::vector<double> levels_of(std::span<const Standing> racing) {
  std::vector<std::span<const double>> series;
  for (const Standing& each : racing) series.emplace_back(each.measurement->samples_us);
  const bool by_rounds = std::ranges::all_of(series, [&](std::span<const double> samples) {
    return samples.size() >= kLeastSamplesForRatio && samples.size() == series.front().size();
  });
  if (by_rounds) return compare_by_rounds(series);
  std::vector<double> levels;
  for (const Standing& each : racing) levels.push_back(std::log(each.measurement->median_us));
  return levels;
}

// Index of the fastest of ours; nullopt where none has a time.
std::optional<std::size_t> leader_of(std::span<const Standing> racing,
                                     std::span<const double> levels) {
  std::optional<std::size_t> leader;
  for (std::size_t i = 0; i < racing.size(); ++i) {
    if (!racing[i].ours || racing[i].measurement->samples_us.empty()) continue;
    if (!leader || levels[i] < levels[*leader]) leader = i;
  }
  return leader;
}

bool narrow(const core::Measurement& measurement, double precision) {
  return measurement.ci_high_us - measurement.ci_low_us <= 2 * precision * measurement.median_us;
}

// By how many standard errors `other` lies beyond `edge` of the leader, round by round; nullopt
// where that cannot be told.
std::optional<double> errors_beyond(const core::Measurement& leader, const core::Measurement& other,
                                    double edge) {
  if (leader.samples_us.size() < kLeastSamplesForRatio ||
      leader.samples_us.size() != other.samples_us.size()) {
    return std::nullopt;
  }
  const LogRatio ratio = ratio_by_rounds(leader.samples_us, other.samples_us);
  return (ratio.log_ratio - std::log1p(edge)) / ratio.standard_error;
}

// Whether it is clear if `other` lies within `edge` of the leader: then more rounds decide nothing.
bool settled(const core::Measurement& leader, const core::Measurement& other, double edge) {
  constexpr double kClear = 2;  // standard errors
  if (edge <= 0 || &leader == &other) return true;
  const std::optional<double> errors = errors_beyond(leader, other, edge);
  return errors && std::abs(*errors) > kClear;
}

// Whether `other` lies so far beyond `edge` that no luck explains it.
bool out_of_reach(const core::Measurement& leader, const core::Measurement& other, double edge) {
  constexpr double kSure = 4;             // standard errors: it is asked after each batch
  constexpr std::size_t kEnoughFor = 60;  // rounds, for a standard error of some use
  if (edge <= 0 || leader.samples_us.size() < kEnoughFor) return false;
  const std::optional<double> errors = errors_beyond(leader, other, edge);
  return errors && *errors > kSure;
}

}  // namespace

int StoppingRule::next_batch(int rounds_done) const {
  return std::max(0, std::min(options_.batch, options_.max_rounds - rounds_done));
}

std::vector<std::size_t> StoppingRule::dropouts(std::span<const Standing> racing) const {
  const std::vector<double> levels = levels_of(racing);
  const std::optional<std::size_t> first = leader_of(racing, levels);
  std::vector<std::size_t> slower;
  if (!first) return slower;
  const core::Measurement& leader = *racing[*first].measurement;
  std::vector<std::size_t> candidates;
  for (std::size_t i = 0; i < racing.size(); ++i) {
    if (!racing[i].stays && racing[i].ours) candidates.push_back(i);
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [&](std::size_t a, std::size_t b) { return levels[a] < levels[b]; });
  const auto stay = std::min(candidates.size(), static_cast<std::size_t>(options_.stay));
  const auto slow = std::stable_partition(
      candidates.begin() + static_cast<std::ptrdiff_t>(stay), candidates.end(), [&](std::size_t i) {
        const core::Measurement& each = *racing[i].measurement;
        return !clearly_faster(leader, each) && !out_of_reach(leader, each, options_.edge);
      });
  auto staying = static_cast<std::size_t>(slow - candidates.begin());
  if (static_cast<int>(leader.samples_us.size()) >= options_.halving_from) {
    const auto finalists = static_cast<std::size_t>(options_.finalists);
    const double loose = levels[*first] + std::log1p(kLooseTieShare);
    const auto may_tie = static_cast<std::size_t>(
        std::ranges::count_if(candidates, [&](std::size_t i) { return levels[i] <= loose; }));
    staying = std::min(staying, std::max({finalists, (staying + 1) / 2, may_tie}));
  }
  slower.assign(candidates.begin() + static_cast<std::ptrdiff_t>(staying), candidates.end());
  std::sort(slower.begin(), slower.end());
  return slower;
}

bool StoppingRule::enough(std::span<const Standing> racing, int rounds_done) const {
  if (rounds_done >= options_.max_rounds) return true;
  if (rounds_done < options_.min_rounds) return false;
  const std::optional<std::size_t> leader = leader_of(racing, levels_of(racing));
  return std::all_of(racing.begin(), racing.end(), [&](const Standing& each) {
    return !each.ours || (narrow(*each.measurement, options_.precision) &&
                          settled(*racing[leader.value()].measurement, *each.measurement,
                                  each.stays ? options_.gain : options_.edge));
  });
}

}  // namespace deepgemm::autotune
