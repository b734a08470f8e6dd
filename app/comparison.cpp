#include "app/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "app/figures.h"
#include "autotune/sample_ratio.h"

namespace deepgemm::app {

namespace {

using core::Contender;

// Two one-sided tests at 5 % each show that two times are equal within the threshold.
constexpr double kEquivalenceAlpha = 0.10;

const BenchedShape* find_shape(const BenchFile& file, const core::GemmProblem& problem) {
  const auto found = std::ranges::find(file.shapes, problem, &BenchedShape::problem);
  return found == file.shapes.end() ? nullptr : &*found;
}

const std::vector<double>& samples_of(const BenchedShape& shape, Contender contender) {
  static const std::vector<double> none;
  const auto found = shape.entries.find(contender);
  return found == shape.entries.end() ? none : found->second.samples_us;
}

// Why the shape's times cannot be used; empty if they can.
std::string trouble(const BenchedShape& shape) {
  if (shape.status != "ok") return shape.status;
  return samples_of(shape, Contender::kCandidate).empty() ? "it was not timed" : "";
}

Verdict judge(const autotune::LogRatio& change, const autotune::Interval& interval,
              const CompareOptions& options) {
  const double ratio = change.ratio();
  const double least = 1 + options.threshold;
  if (ratio >= least && interval.low > 1 + options.drift) return Verdict::kSlower;
  if (ratio <= 1 / least && interval.high < 1 / (1 + options.drift)) return Verdict::kFaster;
  const autotune::Interval likely = change.interval(kEquivalenceAlpha);
  const bool same = likely.low > 1 / least && likely.high < least;
  return same ? Verdict::kSame : Verdict::kAmbiguous;
}

ComparedShape compare_shape(const BenchedShape& before, const BenchedShape& after,
                            const CompareOptions& options, double alpha) {
  const auto& old_samples = samples_of(before, Contender::kCandidate);
  const auto& new_samples = samples_of(after, Contender::kCandidate);
  ComparedShape row;
  row.problem = before.problem;
  row.old_us = autotune::median(old_samples);
  row.new_us = autotune::median(new_samples);
  row.ratio = row.new_us / row.old_us;
  row.old_config = before.config;
  row.new_config = after.config;
  if (std::min(old_samples.size(), new_samples.size()) < autotune::kLeastSamplesForRatio) {
    row.verdict = Verdict::kAmbiguous;
    row.note = fmt::format("fewer than {} samples", autotune::kLeastSamplesForRatio);
    return row;
  }
  const autotune::LogRatio change = autotune::ratio_of_medians(old_samples, new_samples);
  row.interval = change.interval(alpha);
  row.verdict = judge(change, row.interval, options);
  return row;
}

// Why their times are not of the same work, though of the same problem; empty if they are. How much
// room the groups have is part of it: the rows of A and D lie that far apart.
std::string other_rows(const BenchedShape& before, const BenchedShape& after) {
  const core::GroupLayout was = core::layout_of(before.problem, before.draw);
  const core::GroupLayout is = core::layout_of(after.problem, after.draw);
  if (was.rows == is.rows && was.extent == is.extent) return "";
  return fmt::format("measured with other rows: {}; now {}",
                     core::describe(before.problem, before.draw),
                     core::describe(after.problem, after.draw));
}

struct Pair {
  const BenchedShape* before;
  const BenchedShape* after;
};

// The shapes that both have timed; the others go to `left_out`.
std::vector<Pair> pair_up(const BenchFile& before, const BenchFile& after,
                          std::vector<LeftOut>& left_out) {
  std::vector<Pair> pairs;
  for (const BenchedShape& old_shape : before.shapes) {
    const BenchedShape* new_shape = find_shape(after, old_shape.problem);
    if (new_shape == nullptr) {
      left_out.push_back({old_shape.problem, "only in OLD", false});
      continue;
    }
    if (std::string why = other_rows(old_shape, *new_shape); !why.empty()) {
      left_out.push_back({old_shape.problem, std::move(why), false});
      continue;
    }
    const std::string old_trouble = trouble(old_shape);
    const std::string new_trouble = trouble(*new_shape);
    if (!new_trouble.empty()) {
      left_out.push_back({old_shape.problem, "NEW: " + new_trouble, old_trouble.empty()});
    } else if (!old_trouble.empty()) {
      left_out.push_back({old_shape.problem, "OLD: " + old_trouble, false});
    } else {
      pairs.push_back({&old_shape, new_shape});
    }
  }
  for (const BenchedShape& new_shape : after.shapes) {
    if (find_shape(before, new_shape.problem) == nullptr) {
      left_out.push_back({new_shape.problem, "only in NEW", false});
    }
  }
  return pairs;
}

// The lowest clock at which a row was measured: the power cap shows there.
int lowest_clock(const std::vector<Pair>& pairs, const BenchedShape* Pair::*side) {
  int lowest = 0;
  for (const Pair& pair : pairs) {
    const auto found = (pair.*side)->entries.find(Contender::kCandidate);
    const int clock = found->second.sm_clock_mhz;
    if (clock > 0 && (lowest == 0 || clock < lowest)) lowest = clock;
  }
  return lowest;
}

// Rows whose clocks differ by more than this share differ for that reason alone.
constexpr double kClockShare = 0.03;

std::string clocks_moved(const std::vector<Pair>& pairs) {
  int moved = 0;
  for (const Pair& pair : pairs) {
    const double before = pair.before->entries.at(Contender::kCandidate).sm_clock_mhz;
    const double after = pair.after->entries.at(Contender::kCandidate).sm_clock_mhz;
    if (before > 0 && after > 0 && std::abs(after - before) > kClockShare * before) ++moved;
  }
  return moved == 0 ? "" : fmt::format("SM clock ({} of {} rows)", moved, pairs.size());
}

std::vector<Difference> differences(const BenchFile& before, const BenchFile& after,
                                    const std::vector<Pair>& pairs) {
  std::vector<Difference> list;
  const auto note = [&](std::string what, const std::string& old_value,
                        const std::string& new_value, bool of_the_machine) {
    if (old_value == new_value) return;
    list.push_back({std::move(what), old_value, new_value, of_the_machine});
  };
  const core::Environment& was = before.environment;
  const core::Environment& is = after.environment;
  note("GPU", was.device_name, is.device_name, true);
  note("GPU's identity", was.device_uuid, is.device_uuid, true);
  note("SMs", std::to_string(was.sms), std::to_string(is.sms), true);
  note("driver", was.driver, is.driver, true);
  for (const core::ClockLimit& limit : core::kClockLimits) {
    const int old_value = was.*limit.member;
    const int new_value = is.*limit.member;
    if (old_value == 0 || new_value == 0) continue;  // not known
    note(std::string(limit.words), fmt::format("{} {}", old_value, limit.unit),
         fmt::format("{} {}", new_value, limit.unit), true);
  }
  note("cuBLASLt", was.cublaslt, is.cublaslt, true);
  note("policy", before.policy, after.policy, true);
  note("rounds", std::to_string(before.rounds), std::to_string(after.rounds), false);
  note("deepgemm", was.library_version, is.library_version, false);
  note("kernel sources", was.sources_hash.substr(0, 12), is.sources_hash.substr(0, 12), false);
  if (const std::string moved = clocks_moved(pairs); !moved.empty()) {
    list.push_back({moved, fmt::format("{} MHz at the lowest", lowest_clock(pairs, &Pair::before)),
                    fmt::format("{} MHz at the lowest", lowest_clock(pairs, &Pair::after)), true});
  }
  return list;
}

Control control_of(const std::vector<Pair>& pairs, Contender contender, std::string title) {
  std::vector<double> ratios;
  for (const Pair& pair : pairs) {
    const auto& before = samples_of(*pair.before, contender);
    const auto& after = samples_of(*pair.after, contender);
    if (before.empty() || after.empty()) continue;
    ratios.push_back(autotune::median(after) / autotune::median(before));
  }
  if (ratios.empty()) return {};
  return {std::move(title), geometric_mean(ratios), static_cast<int>(ratios.size())};
}

}  // namespace

std::string_view name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kSlower:
      return "SLOWER";
    case Verdict::kAmbiguous:
      return "AMBIGUOUS";
    case Verdict::kFaster:
      return "FASTER";
    case Verdict::kSame:
      return "SAME";
  }
  return "";
}

Comparison compare(BenchFile before, BenchFile after, const CompareOptions& options) {
  Comparison result;
  result.options = options;
  const std::vector<Pair> pairs = pair_up(before, after, result.left_out);
  // Bonferroni: with many rows, one that is unlikely by itself is to be expected among them.
  const double rows = static_cast<double>(std::max<std::size_t>(pairs.size(), 1));
  const double alpha = (1 - options.confidence) / rows;
  for (const Pair& pair : pairs) {
    result.shapes.push_back(compare_shape(*pair.before, *pair.after, options, alpha));
  }
  result.differences = differences(before, after, pairs);
  if (before.environment.cublaslt == after.environment.cublaslt) {
    result.control = control_of(pairs, Contender::kCublasLtBlock, "cuBLASLt block-scaled");
  }
  result.before = std::move(before);
  result.after = std::move(after);
  return result;
}

long long count(const Comparison& comparison, Verdict verdict) {
  return std::ranges::count(comparison.shapes, verdict, &ComparedShape::verdict);
}

long long count_broken(const Comparison& comparison) {
  return std::ranges::count(comparison.left_out, true, &LeftOut::broken);
}

double mean_change(const Comparison& comparison) {
  std::vector<double> ratios;
  for (const ComparedShape& shape : comparison.shapes) ratios.push_back(shape.ratio);
  return geometric_mean(ratios);
}

}  // namespace deepgemm::app
