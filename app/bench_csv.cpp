#include <fmt/format.h>

#include "app/bench_report.h"
#include "app/bench_warnings.h"
#include "app/figures.h"
#include "app/shape_columns.h"
#include "app/table.h"

namespace deepgemm::app {

namespace {

using core::Contender;

Table bench_table() {
  return Table({{"", "m"},
                {"", "n"},
                {"", "k"},
                kOperationColumn,
                kGroupsColumn,
                kAlignmentColumn,
                {"", "config_short", Align::kLeft},
                {"", "config", Align::kLeft},
                {"", "kernel_key", Align::kLeft},
                {"", "time_us"},
                {"", "spread_us"},
                {"", "tflops"},
                {"", "gbps"},
                {"", "limit_us"},
                {"", "share_of_limit"},
                {"", "default_us"},
                {"", "over_default"},
                {"", "cublaslt_block_us"},
                {"", "over_cublaslt_block"},
                {"", "cublaslt_tensorwide_us"},
                {"", "over_cublaslt_tensorwide"},
                {"", "match", Align::kLeft},
                {"", "reason", Align::kLeft},
                {"", "reference", Align::kLeft},
                {"", "relative_error"},
                {"", "status", Align::kLeft},
                {"", "warnings", Align::kLeft}});
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
          operation_cell(problem),
          groups_cell(problem),
          alignment_cell(problem),
          cell(core::short_name(line.choice.config)),
          cell(core::to_string(line.choice.config)),
          cell(ours != nullptr ? ours->kernel_key : line.choice.kernel_key),
          time_cell(time_us, spread_us),
          time_cell(spread_us),
          rate_cell(tflops(problem, time_us, row.draw)),
          rate_cell(gigabytes_per_second(problem, time_us, row.draw)),
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
          checked ? error_cell(ours->check.verification.relative_error) : Cell{"", ""},
          cell(wrong.empty() ? "ok" : wrong),
          cell(warning_names(report, line))};
}

}  // namespace

std::string render_csv(const BenchReport& report) {
  Table table = bench_table();
  for (const BenchLine& line : report.lines) table.add_row(bench_cells(report, line));
  return table.csv();
}

}  // namespace deepgemm::app
