#include "app/bench_report.h"

#include <fmt/format.h>

#include "app/figures.h"
#include "app/table.h"
#include "app/text.h"
#include "autotune/ceilings.h"

namespace deepgemm::app {

namespace {

using core::Contender;

Table bench_table() {
  return Table({{"m", "m"},
                {"n", "n"},
                {"k", "k"},
                {"config", "config_short", Align::kLeft},
                {"", "config", Align::kLeft},
                {"", "kernel_key", Align::kLeft},
                {"ours µs", "time_us"},
                {"", "spread_us"},
                {"TFLOP/s", "tflops"},
                {"GB/s", "gbps"},
                {"", "limit_us"},
                {"of limit", "share_of_limit"},
                {"default µs", "default_us"},
                {"gain", "over_default"},
                {"cuBLASLt block µs", "cublaslt_block_us"},
                {"gain", "over_cublaslt_block"},
                {"tensor-wide µs", "cublaslt_tensorwide_us"},
                {"gain", "over_cublaslt_tensorwide"},
                {"match", "match", Align::kLeft},
                {"", "reason", Align::kLeft},
                {"", "reference", Align::kLeft},
                {"error", "relative_error"},
                {"checked", "status", Align::kLeft}});
}

Cell error_cell(double error) {
  return {fmt::format("{:.1e}", error), fmt::format("{:.6e}", error)};
}

std::vector<Cell> bench_cells(const BenchReport& report, const BenchLine& line) {
  const auto& row = line.row;
  const auto& problem = row.problem;
  const auto* ours = find_entry(row, Contender::kCandidate);
  const double time_us = time_of(row, Contender::kCandidate);
  const double spread_us = ours != nullptr ? ours->measurement.spread_us : 0;
  const bool checked = ours != nullptr && !ours->check.verification.reference.empty();
  const std::string wrong = fault(line);
  return {cell(problem.m),
          cell(problem.n),
          cell(problem.k),
          cell(core::short_name(line.choice.config)),
          cell(core::to_string(line.choice.config)),
          cell(ours != nullptr ? ours->kernel_key : line.choice.kernel_key),
          time_cell(time_us, spread_us),
          time_cell(spread_us),
          rate_cell(tflops(problem, time_us)),
          rate_cell(gigabytes_per_second(problem, time_us)),
          time_cell(limit_us(report, line)),
          percent_cell(share_of_limit(report, line)),
          time_cell(time_of(row, Contender::kDefault)),
          ratio_cell(ratio_to_ours(row, Contender::kDefault)),
          time_cell(time_of(row, Contender::kCublasLtBlock)),
          ratio_cell(ratio_to_ours(row, Contender::kCublasLtBlock)),
          time_cell(time_of(row, Contender::kCublasLtTensorwide)),
          ratio_cell(ratio_to_ours(row, Contender::kCublasLtTensorwide)),
          cell(line.choice.match),
          cell(line.choice.reason),
          cell(row.reference),
          checked ? error_cell(ours->check.verification.relative_error) : Cell{"-", ""},
          cell(wrong.empty() ? "ok" : wrong)};
}

// What the column "of limit" is measured against, and the rows that cannot be.
std::string ceiling_lines(const BenchReport& report) {
  if (report.tensor_tflops <= 0) {
    return "no limit: cuBLASLt's tensor-wide rate could not be measured here\n";
  }
  std::string above;
  for (const auto& line : report.lines) {
    if (share_of_limit(report, line) <= 1) continue;
    above += (above.empty() ? "" : ", ") + core::to_string(line.row.problem);
  }
  std::string text = fmt::format(
      "limit: the bytes moved by a kernel that does nothing else, or {:.0f} TFLOP/s (cuBLASLt "
      "tensor-wide, best of three large shapes)\n",
      report.tensor_tflops);
  if (!above.empty()) text += "above 100 %, so a ceiling was measured badly: " + above + "\n";
  return text;
}

// "geometric mean over 49 shapes: 1.05x …", for all shapes and for the larger m alone.
std::string closing_lines(const BenchReport& report) {
  std::string text = ceiling_lines(report);
  for (const std::int64_t min_m : {std::int64_t{1}, kPrefillM}) {
    std::string means;
    for (const auto& opponent : kOpponents) {
      const MeanRatio mean = mean_ratio(report.lines, opponent.contender, min_m);
      if (mean.shapes == 0) continue;
      means += fmt::format("{}{:.3f}x {} ({})", means.empty() ? "" : ", ", mean.value,
                           opponent.title, counted(mean.shapes, "shape"));
    }
    if (means.empty()) continue;
    text += fmt::format("geometric mean, {}: {}\n",
                        min_m == 1 ? "all m" : fmt::format("m >= {}", min_m), means);
  }
  return text;
}

}  // namespace

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

double limit_us(const BenchReport& report, const BenchLine& line) {
  return autotune::limit_us(line.row.problem, time_of(line.row, Contender::kMemoryFloor),
                            report.tensor_tflops);
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
  if (format == Format::kJson) return render_json(report);
  if (format == Format::kHtml) return render_html(report);
  Table table = bench_table();
  for (const auto& line : report.lines) table.add_row(bench_cells(report, line));
  if (format == Format::kCsv) return table.csv();
  const std::string body = format == Format::kMarkdown ? table.markdown() : table.text();
  return body + "\n" + closing_lines(report);
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
