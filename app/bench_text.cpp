#include "app/bench_text.h"

#include <fmt/format.h>

#include "app/bench_summary.h"
#include "app/bench_warnings.h"
#include "app/command_line.h"
#include "app/figures.h"
#include "app/shape_columns.h"
#include "app/text.h"

namespace deepgemm::app {

namespace {

using core::Contender;

// In the order of kOpponents; "× wide" is cuBLASLt with one scale per tensor.
constexpr std::string_view kRatioTitles[] = {"× default", "× block", "× wide"};
// What matters most comes first.
constexpr std::size_t kRatioOrder[] = {1, 2, 0};

// Grey inside the noise, green where ours is faster, red where theirs is.
Cell opponent_cell(const BenchLine& line, const Opponent& opponent) {
  Cell cell = ratio_cell(ratio_to_ours(line.row, opponent.contender));
  if (cell.raw.empty()) return {cell.shown + " ", cell.raw};
  const bool noise = inside_noise(line.row, opponent.contender);
  const double ratio = ratio_to_ours(line.row, opponent.contender);
  cell.shown += noise ? "≈" : " ";
  cell.colour = noise ? Colour::kDim : ratio >= 1 ? Colour::kGreen : Colour::kRed;
  return cell;
}

// Warnings by number, so that the table keeps to its width; the list below it says what they mean.
std::string warning_numbers(const BenchReport& report, const BenchLine& line) {
  std::string numbers;
  for (const Warning warning : warnings_of(report, line)) {
    numbers += fmt::format("{}{}", numbers.empty() ? "" : ",", static_cast<int>(warning) + 1);
  }
  return numbers;
}

// Decimal points stand below each other, but for times that would need too much room.
std::string aligned(double time_us) {
  return fmt::format("{:.{}f}", time_us, time_us < 1e4 ? 2 : 0);
}

std::vector<Column> text_columns() {
  std::vector<Column> columns{{"m", ""},        {"n", ""},       {"k", ""},
                              kOperationColumn, {"time µs", ""}, {"±", ""},
                              {"TFLOP/s", ""},  {"GB/s", ""},    {"limit", ""}};
  for (const std::size_t i : kRatioOrder) {
    columns.push_back({fmt::format("{} ", kRatioTitles[i]), ""});
  }
  columns.push_back({"warnings", "", Align::kLeft});
  return columns;
}

std::vector<Cell> text_cells(const BenchReport& report, const BenchLine& line) {
  const auto& problem = line.row.problem;
  const auto* ours = find_entry(line.row, Contender::kCandidate);
  const double time_us = time_of(line.row, Contender::kCandidate);
  const double spread_us = ours != nullptr ? ours->measurement.spread_us : 0;
  const bool timed = time_us > 0;
  std::vector<Cell> cells{cell(problem.m),
                          cell(problem.n),
                          cell(problem.k),
                          operation_cell(problem),
                          cell(timed ? aligned(time_us) : "-"),
                          cell(timed ? aligned(spread_us) : "-"),
                          rate_cell(tflops(problem, time_us, line.row.draw)),
                          rate_cell(gigabytes_per_second(problem, time_us, line.row.draw)),
                          percent_cell(share_of_limit(report, line))};
  for (const std::size_t i : kRatioOrder) cells.push_back(opponent_cell(line, kOpponents[i]));
  return cells;
}

Table text_table(const BenchReport& report) {
  Table table(text_columns());
  for (const BenchLine& line : report.lines) {
    std::vector<Cell> cells = text_cells(report, line);
    cells.push_back({warning_numbers(report, line), "", Colour::kYellow});
    table.add_row(std::move(cells));
  }
  return table;
}

Table markdown_table(const BenchReport& report) {
  std::vector<Column> columns = text_columns();
  columns.push_back({"config", "", Align::kLeft});
  columns.push_back({"match", "", Align::kLeft});
  Table table(std::move(columns));
  for (const BenchLine& line : report.lines) {
    std::vector<Cell> cells = text_cells(report, line);
    cells.push_back(cell(warning_names(report, line)));
    cells.push_back(cell("`" + core::short_name(line.choice.config) + "`"));
    cells.push_back(cell(line.choice.match));
    table.add_row(std::move(cells));
  }
  return table;
}

Table summary_table(const BenchReport& report) {
  std::vector<Column> columns{{"geometric mean", "", Align::kLeft}, {"shapes", ""}};
  for (const std::size_t i : kRatioOrder) columns.push_back({std::string(kRatioTitles[i]), ""});
  columns.push_back({"at the limit", ""});
  columns.push_back({"worst row against block", "", Align::kLeft});
  Table table(std::move(columns));
  for (const ClassSummary& summary : summarise(report)) {
    std::vector<Cell> cells{cell(std::string(summary.shape_class->name)), cell(summary.shapes)};
    for (const std::size_t i : kRatioOrder) cells.push_back(ratio_cell(summary.means[i].value));
    cells.push_back(cell(
        summary.limit_known ? fmt::format("{} of {}", summary.at_limit, summary.shapes) : "-"));
    cells.push_back(
        cell(summary.worst == nullptr
                 ? "-"
                 : fmt::format("{:.2f}x {}",
                               ratio_to_ours(summary.worst->row, Contender::kCublasLtBlock),
                               core::to_string(summary.worst->row.problem))));
    table.add_row(std::move(cells));
  }
  return table;
}

std::string legend(const BenchReport& report) {
  std::string text =
      "×: their time over ours, above 1 ours is faster; block: cuBLASLt with the same block "
      "scales;\n"
      "wide: with one scale per tensor; default: untuned; ≈: the difference is inside the noise.\n";
  if (report.tensor_tflops > 0) {
    text += fmt::format(
        "Limit: the bytes moved by a kernel that does nothing else, or {:.0f} TFLOP/s (cuBLASLt's\n"
        "best); at the limit: {:.0f} % of it and more.\n",
        report.tensor_tflops, 100 * kAtLimitShare);
  } else {
    text += "No limit: cuBLASLt's tensor-wide rate could not be measured here.\n";
  }
  return text;
}

// One line for each warning that some row has: number, name, rows, meaning.
std::string warning_lines(const BenchReport& report, bool numbered) {
  std::string text;
  for (const WarningText& each : warning_texts()) {
    long long rows = 0;
    for (const BenchLine& line : report.lines) {
      for (const Warning warning : warnings_of(report, line)) rows += warning == each.warning;
    }
    if (rows == 0) continue;
    text += numbered ? fmt::format("{} ", static_cast<int>(each.warning) + 1) : "- ";
    const std::string line =
        fmt::format("{} ({}): {}.", each.name, counted(rows, "row"), each.meaning);
    text += wrapped(line, 98, "  ") + "\n";
  }
  return text;
}

// Rows whose kernel failed: the table has no room for sentences.
std::string fault_lines(const BenchReport& report) {
  std::string text;
  for (const BenchLine& line : report.lines) {
    const std::string wrong = fault(line);
    if (!wrong.empty()) text += fmt::format("{}: {}\n", core::to_string(line.row.problem), wrong);
  }
  return text;
}

}  // namespace

std::string render_text(const BenchReport& report, Paint paint) {
  std::string text = text_table(report).text(paint) + "\n";
  if (const Table summary = summary_table(report); summary.rows() > 0) {
    text += summary.text(paint) + "\n";
  }
  text += legend(report);
  const std::string rest = warning_lines(report, true) + fault_lines(report);
  return rest.empty() ? text : text + "\n" + rest;
}

std::string render_markdown(const BenchReport& report) {
  const std::string& driver = report.environment.driver;
  std::string text = fmt::format("**deepgemm-bench** {} on {}, driver {}, {} rounds\n\n",
                                 report.environment.library_version, report.device.name,
                                 driver.empty() ? "unknown" : driver, report.rounds);
  if (const Table summary = summary_table(report); summary.rows() > 0) {
    text += summary.markdown() + "\n";
  }
  text += markdown_table(report).markdown() + "\n" + legend(report);
  const std::string rest = warning_lines(report, false) + fault_lines(report);
  if (!rest.empty()) text += "\n" + rest;
  return text + fmt::format("\n`{}`\n", shell_line(report.command));
}

}  // namespace deepgemm::app
