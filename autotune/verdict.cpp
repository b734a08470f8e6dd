#include "autotune/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>
#include <vector>

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

// Indices of ours with an outcome, by time, ties in the fixed order of configs.
template <typename Time>
std::vector<std::size_t> by_time(std::span<const Trial> trials, Outcome outcome, Time time) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    if (ours(trials[i]) && trials[i].outcome == outcome && time(trials[i]) > 0) order.push_back(i);
  }
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    if (time(trials[a]) != time(trials[b])) return time(trials[a]) < time(trials[b]);
    return core::ordered_before(trials[a].config, trials[b].config);
  });
  return order;
}

std::optional<std::size_t> first_other(std::span<const std::size_t> order, std::size_t winner) {
  for (std::size_t i : order) {
    if (i != winner) return i;
  }
  return std::nullopt;
}

double lead_percent(const Trial& winner, const Trial& other) {
  return 100 * (other.measurement.median_us / winner.measurement.median_us - 1);
}

// The bits that most trials have, and how many those are.
std::pair<unsigned long long, int> majority(std::span<const Trial* const> trials) {
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
  return {right, kinds[right].count};
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

Verdict decide_measured(std::span<const Trial> trials) {
  const std::vector<std::size_t> order = by_time(
      trials, Outcome::kMeasured, [](const Trial& each) { return each.measurement.median_us; });
  Verdict verdict;
  if (order.empty()) {
    verdict.reason = nothing_left(trials);
    return verdict;
  }
  const Trial& leader = trials[order.front()];
  const std::optional<std::size_t> fallback = find_default(trials, order);
  const auto beats_default = [&](const Trial& each) {
    return !fallback || clearly_faster(each.measurement, trials[*fallback].measurement, kGainShare);
  };
  if (fallback && !beats_default(leader)) {
    verdict.winner = fallback;
    verdict.reason = order.size() == 1      ? "default kept: no other candidate survived"
                     : order[0] == fallback ? "default kept: no candidate is faster"
                                            : "default kept: no candidate gains enough";
  } else {
    verdict.winner = order.front();
    int tied = 0;
    for (std::size_t i : order) {
      if (!tied_with(leader.measurement, trials[i].measurement) || !beats_default(trials[i])) {
        continue;
      }
      ++tied;
      if (core::ordered_before(trials[i].config, trials[*verdict.winner].config)) {
        verdict.winner = i;
      }
    }
    const Trial& winner = trials[*verdict.winner];
    verdict.reason =
        fallback ? fmt::format("fastest by {:.1f} %", lead_percent(winner, trials[*fallback]))
                 : "fastest; the default did not survive";
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
  const std::vector<std::size_t> order =
      by_time(trials, Outcome::kPredicted, [](const Trial& each) { return each.predicted_us; });
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
  std::vector<Trial*> same_order;
  // Slices of k are added in another order, which may flip last bits.
  std::copy_if(verified.begin(), verified.end(), std::back_inserter(same_order),
               [](const Trial* each) { return each->config.split_k == 1; });
  std::string whose = "of the dense kernel, run group by group";
  if (!right) {
    const auto [bits, votes] = majority(same_order);
    right = bits;
    whose = fmt::format("of {} of {} candidates", votes, same_order.size());
  }
  for (Trial* each : same_order) {
    if (each->verification.bits_hash == *right) continue;
    each->outcome = Outcome::kWrong;
    each->detail = fmt::format(
        "its result is within tolerance but differs in bits from that {}, although all sum in the "
        "same order",
        whose);
  }
}

}  // namespace deepgemm::autotune
