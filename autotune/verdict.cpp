#include "autotune/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <utility>
#include <vector>

#include "autotune/sample_ratio.h"
#include "autotune/statistics.h"

namespace deepgemm::autotune {
namespace {

using core::Contender;
using core::Outcome;
using core::Trial;

bool ours(const Trial& trial) {
  return trial.contender == Contender::kCandidate || trial.contender == Contender::kDefault;
}

std::optional<std::size_t> find_default(std::span<const Trial> trials,
                                        std::span<const std::size_t> among) {
  for (std::size_t i : among) {
    if (trials[i].contender == Contender::kDefault) return i;
  }
  return std::nullopt;
}

// Indices of ours with an outcome and a positive time.
template <typename Time>
std::vector<std::size_t> contenders(std::span<const Trial> trials, Outcome outcome, Time time) {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    if (ours(trials[i]) && trials[i].outcome == outcome && time(trials[i]) > 0) found.push_back(i);
  }
  return found;
}

// By time, ties in the fixed order of configs.
template <typename TimeOf>
void sort_by_time(std::span<const Trial> trials, std::vector<std::size_t>& order, TimeOf time_of) {
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    if (time_of(a) != time_of(b)) return time_of(a) < time_of(b);
    return core::ordered_before(trials[a].config, trials[b].config);
  });
}

// Times of measured trials, on a logarithmic scale: round by round where they ran one race, else by
// their medians.
class Times {
 public:
  Times(std::span<const Trial> trials, std::span<const std::size_t> who, Sampling sampling)
      : trials_(trials), by_rounds_(sampling == Sampling::kOneRace && have_equal_rounds(who)) {
    log_.resize(trials.size());
    std::vector<std::span<const double>> series;
    for (const std::size_t i : who) {
      log_[i] = std::log(trials[i].measurement.median_us);
      series.emplace_back(trials[i].measurement.samples_us);
    }
    if (!by_rounds_) return;
    const std::vector<double> means = compare_by_rounds(series);
    for (std::size_t i = 0; i < who.size(); ++i) log_[who[i]] = means[i];
  }

  // Up to a constant that all share.
  double log(std::size_t i) const { return log_[i]; }

  double lead_percent(std::size_t winner, std::size_t other) const {
    return 100 * std::expm1(log_[other] - log_[winner]);
  }

  bool ties_with(std::size_t leader, std::size_t other) const {
    return log_[other] <= log_[leader] + std::log1p(kTieShare);
  }

  // By kGainShare, and more than the noise.
  bool gains_on(std::size_t i, std::size_t other) const {
    const core::Measurement& mine = trials_[i].measurement;
    const core::Measurement& theirs = trials_[other].measurement;
    if (!by_rounds_) return clearly_faster(mine, theirs, kGainShare);
    const LogRatio lead = ratio_by_rounds(mine.samples_us, theirs.samples_us);
    return log_[other] - log_[i] > std::log1p(kGainShare) &&
           lead.log_ratio > kBeyondNoise * lead.standard_error;
  }

 private:
  static constexpr double kBeyondNoise = 2;  // standard errors

  bool have_equal_rounds(std::span<const std::size_t> who) const {
    return std::ranges::all_of(who, [&](std::size_t i) {
      const std::size_t rounds = trials_[i].measurement.samples_us.size();
      return rounds >= kLeastSamplesForRatio &&
             rounds == trials_[who.front()].measurement.samples_us.size();
    });
  }

  std::span<const Trial> trials_;
  bool by_rounds_;
  std::vector<double> log_;
};

// Why the fastest won without a comparison. A default that is quarantined has no trial.
std::string without_default(std::span<const Trial> trials) {
  const auto is_default = [](const Trial& each) { return each.contender == Contender::kDefault; };
  return std::ranges::any_of(trials, is_default) ? "fastest; the default did not survive"
                                                 : "fastest; the default was left out";
}

std::optional<std::size_t> first_other(std::span<const std::size_t> order, std::size_t winner) {
  for (std::size_t i : order) {
    if (i != winner) return i;
  }
  return std::nullopt;
}

// The bits that most trials have, else the default's, and how many those are; nullopt where nothing
// tells which of two kinds are right.
std::optional<std::pair<unsigned long long, int>> majority(std::span<const Trial* const> trials) {
  struct Votes {
    int count = 0;
    bool has_default = false;
  };
  std::map<unsigned long long, Votes> kinds;
  for (const Trial* each : trials) {
    Votes& votes = kinds[each->verification.bits_hash];
    ++votes.count;
    votes.has_default |= each->contender == Contender::kDefault;
  }
  const auto outvotes = [](const Votes& a, const Votes& b) {
    return a.count != b.count ? a.count > b.count : a.has_default && !b.has_default;
  };
  unsigned long long right = trials.empty() ? 0 : trials.front()->verification.bits_hash;
  for (const auto& [hash, votes] : kinds) {
    if (outvotes(votes, kinds[right])) right = hash;
  }
  for (const auto& [hash, votes] : kinds) {
    if (hash != right && !outvotes(kinds[right], votes)) return std::nullopt;
  }
  return std::pair(right, kinds[right].count);
}

// Why no trial serves, with the first failure's own words.
std::string nothing_left(std::span<const Trial> trials) {
  for (const Trial& each : trials) {
    if (ours(each) && !each.detail.empty()) {
      return fmt::format("no candidate survived; the first failure: {}: {}", name(each.outcome),
                         each.detail);
    }
  }
  return "no candidate was left to try";
}

}  // namespace

Verdict decide_measured(std::span<const Trial> trials, Sampling sampling) {
  std::vector<std::size_t> order = contenders(
      trials, Outcome::kMeasured, [](const Trial& each) { return each.measurement.median_us; });
  Verdict verdict;
  if (order.empty()) {
    verdict.reason = nothing_left(trials);
    return verdict;
  }
  const Times times(trials, order, sampling);
  sort_by_time(trials, order, [&](std::size_t i) { return times.log(i); });
  const std::size_t leader = order.front();
  const std::optional<std::size_t> fallback = find_default(trials, order);
  const auto beats_default = [&](std::size_t i) {
    return !fallback || times.gains_on(i, *fallback);
  };
  if (fallback && !beats_default(leader)) {
    verdict.winner = fallback;
    verdict.reason = order.size() == 1    ? "default kept: no other candidate survived"
                     : leader == fallback ? "default kept: no candidate is faster"
                                          : "default kept: no candidate gains enough";
  } else {
    verdict.winner = leader;
    int tied = 0;
    for (const std::size_t i : order) {
      if (!times.ties_with(leader, i) || !beats_default(i)) continue;
      ++tied;
      if (core::ordered_before(trials[i].config, trials[*verdict.winner].config)) {
        verdict.winner = i;
      }
    }
    verdict.reason = fallback ? fmt::format("fastest by {:.1f} %",
                                            times.lead_percent(*verdict.winner, *fallback))
                              : without_default(trials);
    if (tied > 1) verdict.reason += fmt::format(", first of {} that tie", tied);
  }
  verdict.runner_up = first_other(order, *verdict.winner);
  return verdict;
}

std::string why_suspicious(const Trial& trial, std::span<const Trial* const> field) {
  constexpr double kOfPrediction = 0.5;
  constexpr double kOfTheOthers = 0.75;
  if (!ours(trial) || trial.measurement.median_us <= 0) return "";
  const double us = trial.measurement.median_us;
  if (us < kOfPrediction * trial.predicted_us) {
    return fmt::format("it takes {:.2f} us where the model expects {:.2f}", us, trial.predicted_us);
  }
  double next_us = 0;
  for (const Trial* each : field) {
    if (each == &trial || !ours(*each) || each->measurement.median_us <= 0) continue;
    if (next_us == 0 || each->measurement.median_us < next_us) {
      next_us = each->measurement.median_us;
    }
  }
  if (us < kOfTheOthers * next_us) {
    return fmt::format("it takes {:.2f} us, the next best {:.2f}", us, next_us);
  }
  return "";
}

std::string why_impossible(const Trial& trial, const core::DeviceInfo& device,
                           const core::GroupDraw& draw) {
  // Peak rates lie 1.1 (memory) to 1.5 times (tensor cores, before the power cap) above sustained.
  constexpr double kPeakOverSustained = 1.6;
  const double us = trial.measurement.median_us;
  if (us <= 0 || device.memory_gbps <= 0 || device.tensor_tflops <= 0) return "";
  const double memory_us = static_cast<double>(core::bytes_read(trial.problem, draw) +
                                               core::bytes_written(trial.problem, draw)) /
                           (device.memory_gbps * kPeakOverSustained * 1e3);
  const double math_us =
      core::flops(trial.problem, draw) / (device.tensor_tflops * kPeakOverSustained * 1e6);
  const double least_us = std::max(memory_us, math_us);
  if (us >= least_us) return "";
  return fmt::format("it takes {:.2f} us, and no kernel can take less than {:.2f} on this device",
                     us, least_us);
}

Verdict decide_predicted(std::span<const Trial> trials) {
  const auto predicted_us = [](const Trial& each) { return each.predicted_us; };
  std::vector<std::size_t> order = contenders(trials, Outcome::kPredicted, predicted_us);
  sort_by_time(trials, order, [&](std::size_t i) { return predicted_us(trials[i]); });
  Verdict verdict;
  if (order.empty()) {
    verdict.reason = nothing_left(trials);
    return verdict;
  }
  verdict.winner = order.front();
  verdict.runner_up = first_other(order, order.front());
  verdict.reason = fmt::format("best predicted of {} that compile; not measured", order.size());
  return verdict;
}

void reject_dissenters(std::span<Trial*> verified, std::optional<unsigned long long> right) {
  std::map<int, std::vector<Trial*>> same_order;  // by split_k
  for (Trial* each : verified) same_order[each->config.split_k].push_back(each);
  for (const auto& [slices, trials] : same_order) {
    const auto most = majority(trials);
    std::optional<unsigned long long> bits;
    std::string whose = "of as many others";
    if (right && slices == 1) {
      bits = right;
      whose = "of the dense kernel, run group by group";
    } else if (most) {
      bits = most->first;
      whose = fmt::format("of {} of {} candidates", most->second, trials.size());
    }
    for (Trial* each : trials) {
      if (each->verification.bits_hash == bits) continue;
      each->outcome = Outcome::kWrong;
      each->detail = fmt::format(
          "its result is within tolerance but differs in bits from that {}, although all sum in "
          "the same order",
          whose);
    }
  }
}

}  // namespace deepgemm::autotune
