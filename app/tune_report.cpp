#include "app/tune_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "app/figures.h"
#include "app/shape_columns.h"
#include "app/table.h"
#include "app/text.h"

namespace deepgemm::app {

namespace {

double ratio(double theirs, double ours) { return theirs > 0 && ours > 0 ? theirs / ours : 0; }

Table tune_table() {
  return Table({{"m", "m"},
                {"n", "n"},
                {"k", "k"},
                kOperationColumn,
                kGroupsColumn,
                kAlignmentColumn,
                kUnusualRowsColumn,
                {"", "status", Align::kLeft},
                {"config", "config_short", Align::kLeft},
                {"", "config", Align::kLeft},
                {"", "kernel_key", Align::kLeft},
                {"", "measured", Align::kLeft},
                {"time µs", "time_us"},
                {"", "spread_us"},
                {"TFLOP/s", "tflops"},
                {"GB/s", "gbps"},
                {"of roofline", "share_of_roofline"},
                {"default µs", "default_us"},
                {"over default", "over_default"},
                {"cuBLASLt µs", "cublaslt_block_us"},
                {"over cuBLASLt", "over_cublaslt_block"},
                {"", "cublaslt_tensorwide_us"},
                {"tried", "trials"},
                {"", "samples"},
                {"", "ci_low_us"},
                {"", "ci_high_us"},
                {"", "sm_clock_mhz"},
                {"", "runner_up", Align::kLeft},
                {"", "runner_up_us"},
                {"why", "reason", Align::kLeft}});
}

// The default against itself is 1.00x, and no noise about it.
Cell gain_over_default(const core::Winner& winner) {
  const double gain = ratio(winner.default_us, winner.median_us);
  if (winner.config == winner.default_config) return ratio_cell(gain);
  return ratio_cell(gain, winner.margin_low, winner.margin_high);
}

Cell rows_cell(const ShapeOutcome& shape) {
  return unusual_rows_cell(shape.problem, core::unusual_rows(shape.problem, shape.draw));
}

void add_winner(Table& table, const ShapeOutcome& shape, const core::DeviceInfo& device) {
  const core::Winner& winner = *shape.winner;
  const double time_us = winner.median_us;
  table.add_row({cell(shape.problem.m),
                 cell(shape.problem.n),
                 cell(shape.problem.k),
                 operation_cell(shape.problem),
                 groups_cell(shape.problem),
                 alignment_cell(shape.problem),
                 rows_cell(shape),
                 cell(std::string(name(shape.status))),
                 cell(core::short_name(winner.config)),
                 cell(core::to_string(winner.config)),
                 cell(winner.kernel_key),
                 cell(winner.measured ? "yes" : "no"),
                 winner.measured ? time_cell(time_us, winner.spread_us) : predicted_cell(time_us),
                 time_cell(winner.spread_us),
                 rate_cell(tflops(shape.problem, time_us, shape.draw)),
                 rate_cell(gigabytes_per_second(shape.problem, time_us, shape.draw)),
                 percent_cell(share_of_roofline(shape.problem, device, time_us, shape.draw)),
                 winner.measured ? time_cell(winner.default_us) : predicted_cell(winner.default_us),
                 gain_over_default(winner),
                 time_cell(winner.cublaslt_block_us),
                 ratio_cell(ratio(winner.cublaslt_block_us, time_us), winner.cublaslt_margin_low,
                            winner.cublaslt_margin_high),
                 time_cell(winner.cublaslt_tensorwide_us),
                 cell(winner.trials),
                 cell(winner.samples),
                 time_cell(winner.ci_low_us),
                 time_cell(winner.ci_high_us),
                 cell(winner.sm_clock_mhz),
                 cell(winner.runner_up_us > 0 ? core::to_string(winner.runner_up_config) : ""),
                 time_cell(winner.runner_up_us),
                 cell(winner.reason)});
}

long long count_ours(const ShapeOutcome& shape) {
  return std::ranges::count_if(shape.trials,
                               [](const core::Trial& trial) { return is_ours(trial.contender); });
}

void add_loser(Table& table, const ShapeOutcome& shape) {
  const Cell none{"-", ""};
  std::vector<Cell> cells{cell(shape.problem.m),      cell(shape.problem.n),
                          cell(shape.problem.k),      operation_cell(shape.problem),
                          groups_cell(shape.problem), alignment_cell(shape.problem),
                          rows_cell(shape),           cell(std::string(name(shape.status)))};
  cells.resize(22, none);
  cells.push_back(cell(count_ours(shape)));
  cells.resize(cells.size() + 6, none);
  cells.push_back(cell(shape.why));
  table.add_row(std::move(cells));
}

std::string outcome_counts(const TuneReport& report) {
  std::map<core::Outcome, long long> counts;
  long long all = 0;
  for (const auto& shape : report.shapes) {
    for (const auto& trial : shape.trials) {
      if (!is_ours(trial.contender)) continue;
      ++counts[trial.outcome];
      ++all;
    }
  }
  std::string text = fmt::format("{} tried", counted(all, "candidate"));
  std::string_view separator = ": ";
  for (const auto& [outcome, count] : counts) {
    text += fmt::format("{}{} {}", separator, count, core::name(outcome));
    separator = ", ";
  }
  return text;
}

// Geometric means over the shapes that were measured.
std::string mean_gains(const TuneReport& report) {
  std::vector<double> over_default;
  std::vector<double> over_cublaslt;
  for (const auto& shape : report.shapes) {
    if (!shape.winner || !shape.winner->measured) continue;
    const core::Winner& winner = *shape.winner;
    if (winner.default_us > 0) over_default.push_back(winner.default_us / winner.median_us);
    if (winner.cublaslt_block_us > 0) {
      over_cublaslt.push_back(winner.cublaslt_block_us / winner.median_us);
    }
  }
  if (over_default.empty()) return "";
  std::string text =
      fmt::format("geometric mean of {}: {:.2f}x the untuned default",
                  counted(std::ssize(over_default), "shape"), geometric_mean(over_default));
  if (!over_cublaslt.empty()) {
    text += fmt::format(", {:.2f}x cuBLASLt block-scaled ({} of them)",
                        geometric_mean(over_cublaslt), over_cublaslt.size());
  }
  return text + "\n";
}

std::string closing_lines(const TuneReport& report) {
  std::string text = mean_gains(report) + outcome_counts(report) + "\n";
  const bool predicted = std::ranges::any_of(
      report.shapes, [](const auto& shape) { return shape.winner && !shape.winner->measured; });
  const bool noisy = std::ranges::any_of(report.shapes, [](const auto& shape) {
    return shape.winner && shape.winner->cublaslt_margin_low > 0 &&
           shape.winner->cublaslt_margin_low <= 1 && shape.winner->cublaslt_margin_high >= 1;
  });
  if (noisy) text += "≈ the difference is inside the noise.\n";
  if (predicted) {
    text += fmt::format("~ predicted for {}, not measured: tune on the GPU before serving.\n",
                        report.device.id);
  }
  return text;
}

}  // namespace

std::string_view name(ShapeStatus status) {
  switch (status) {
    case ShapeStatus::kTuned:
      return "tuned";
    case ShapeStatus::kResumed:
      return "resumed";
    case ShapeStatus::kStands:
      return "stands";
    case ShapeStatus::kNoWinner:
      return "no-winner";
    case ShapeStatus::kSkipped:
      return "skipped";
  }
  return "";
}

ShapeOutcome outcome_of(autotune::TuneResult result) {
  ShapeOutcome outcome;
  outcome.problem = result.problem;
  outcome.draw = std::move(result.draw);
  outcome.status = result.skipped   ? ShapeStatus::kSkipped
                   : !result.winner ? ShapeStatus::kNoWinner
                   : result.resumed ? ShapeStatus::kResumed
                   : result.stands  ? ShapeStatus::kStands
                                    : ShapeStatus::kTuned;
  outcome.why = std::move(result.why);
  outcome.plan = summarise(result.plan);
  outcome.winner = std::move(result.winner);
  outcome.budget_ran_out = result.budget_ran_out;
  outcome.of_twin = result.of_twin;
  outcome.trials = std::move(result.trials);
  outcome.seconds = result.seconds;
  return outcome;
}

std::string render(const TuneReport& report, Format format) {
  if (format == Format::kJson) return render_json(report);
  if (format == Format::kHtml) return render_html(report);
  Table table = tune_table();
  for (const auto& shape : report.shapes) {
    if (shape.winner) {
      add_winner(table, shape, report.device);
    } else {
      add_loser(table, shape);
    }
  }
  if (format == Format::kCsv) return table.csv();
  const std::string body = format == Format::kMarkdown ? table.markdown() : table.text();
  return body + "\n" + closing_lines(report);
}

std::string headline(const ShapeOutcome& shape) {
  const std::string shape_name = core::to_string(shape.problem);
  if (!shape.winner) return fmt::format("{}: {}", shape_name, shape.why);
  const core::Winner& winner = *shape.winner;
  if (shape.status == ShapeStatus::kResumed) {
    return fmt::format("{}: {}, nothing to do", shape_name, core::short_name(winner.config));
  }
  if (shape.status == ShapeStatus::kStands) {
    return fmt::format("{}: {} stands: the budget left no time to compare it", shape_name,
                       core::short_name(winner.config));
  }
  return fmt::format("{}: {} {}{:.2f} µs, {} ({} tried, {:.0f} s)", shape_name,
                     core::short_name(winner.config), winner.measured ? "" : "~", winner.median_us,
                     winner.reason, winner.trials, shape.seconds);
}

}  // namespace deepgemm::app
