#include "app/bench_report.h"

#include <fmt/format.h>

#include <stdexcept>

#include "app/bench_text.h"
#include "app/figures.h"
#include "autotune/ceilings.h"
#include "autotune/statistics.h"

namespace deepgemm::app {

using core::Contender;

const autotune::BenchmarkEntry* find_entry(const autotune::BenchmarkRow& row, Contender contender) {
  for (const auto& entry : row.entries) {
    if (entry.contender == contender) return &entry;
  }
  return nullptr;
}

std::string fault(const BenchLine& line) {
  const auto* ours = find_entry(line.row, Contender::kCandidate);
  if (ours == nullptr) return "not measured";
  if (ours->check.outcome != core::Outcome::kMeasured) {
    return fmt::format("{}: {}", core::name(ours->check.outcome), ours->check.detail);
  }
  if (!ours->failure.empty()) return ours->failure;
  if (ours->measurement.samples_us.empty()) return "no sample could be taken";
  const auto* fallback = find_entry(line.row, Contender::kDefault);
  if (fallback != nullptr && fallback->check.outcome == core::Outcome::kWrong) {
    return fmt::format("default {}: {}", core::name(fallback->check.outcome),
                       fallback->check.detail);
  }
  return "";
}

double time_of(const autotune::BenchmarkRow& row, Contender contender) {
  const auto* entry = find_entry(row, contender);
  return entry != nullptr ? entry->measurement.median_us : 0;
}

double ratio_to_ours(const autotune::BenchmarkRow& row, Contender other) {
  const double ours = time_of(row, Contender::kCandidate);
  const double theirs = time_of(row, other);
  return ours > 0 && theirs > 0 ? theirs / ours : 0;
}

bool inside_noise(const autotune::BenchmarkRow& row, Contender other) {
  const auto* ours = find_entry(row, Contender::kCandidate);
  const auto* theirs = find_entry(row, other);
  if (ours == nullptr || theirs == nullptr) return false;
  const core::Measurement& a = ours->measurement;
  const core::Measurement& b = theirs->measurement;
  if (a.samples_us.empty() || b.samples_us.empty()) return false;
  return !autotune::clearly_faster(a, b) && !autotune::clearly_faster(b, a);
}

double limit_us(const BenchReport& report, const BenchLine& line) {
  return autotune::limit_us(line.row.problem, line.row.draw,
                            time_of(line.row, Contender::kMemoryFloor), report.tensor_tflops);
}

double share_of_limit(const BenchReport& report, const BenchLine& line) {
  const double time_us = time_of(line.row, Contender::kCandidate);
  return time_us > 0 ? limit_us(report, line) / time_us : 0;
}

MeanRatio mean_ratio(std::span<const BenchLine> lines, Contender other, std::int64_t min_m) {
  std::vector<double> ratios;
  for (const auto& line : lines) {
    const double ratio = ratio_to_ours(line.row, other);
    if (line.row.problem.m >= min_m && ratio > 0 && fault(line).empty()) ratios.push_back(ratio);
  }
  return {geometric_mean(ratios), static_cast<int>(ratios.size())};
}

std::string render(const BenchReport& report, Format format) {
  switch (format) {
    case Format::kTable:
      return render_text(report, Paint::kPlain);
    case Format::kColourTable:
      return render_text(report, Paint::kColours);
    case Format::kCsv:
      return render_csv(report);
    case Format::kJson:
      return render_json(report);
    case Format::kMarkdown:
      return render_markdown(report);
    case Format::kHtml:
      return render_html(report);
  }
  throw std::logic_error("a format is not known");
}

std::string headline(const BenchLine& line) {
  const std::string wrong = fault(line);
  if (!wrong.empty()) return fmt::format("{}: {}", core::to_string(line.row.problem), wrong);
  std::string text = fmt::format("{}: {:.2f} µs", core::to_string(line.row.problem),
                                 time_of(line.row, Contender::kCandidate));
  const double ratio = ratio_to_ours(line.row, Contender::kCublasLtBlock);
  if (ratio > 0) text += fmt::format(", {:.2f}x cuBLASLt block-scaled", ratio);
  return text + fmt::format(" ({}: {})", line.choice.match, line.choice.reason);
}

}  // namespace deepgemm::app
