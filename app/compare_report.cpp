#include "app/compare_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "app/figures.h"
#include "app/json_report.h"
#include "app/shape_columns.h"
#include "app/table.h"
#include "app/text.h"

namespace deepgemm::app {

namespace {

// Above 1 is slower: +5.1 %.
std::string percent_text(double ratio) {
  const double tenths = std::round(1000 * (ratio - 1)) + 0.0;  // no "-0.0"
  return fmt::format("{:+.1f}", tenths / 10);
}

std::string change_text(double ratio) { return percent_text(ratio) + " %"; }

Cell change_cell(double ratio) {
  if (ratio <= 0) return {"-", ""};
  return {change_text(ratio), fmt::format("{:.5f}", ratio)};
}

std::string interval_text(const ComparedShape& shape) {
  if (shape.interval.low <= 0) return shape.note;
  return fmt::format("{} to {}", percent_text(shape.interval.low),
                     percent_text(shape.interval.high));
}

std::string config_change(const ComparedShape& shape) {
  if (shape.old_config == shape.new_config) return "same";
  return shape.new_config;
}

Table compare_table() {
  return Table({{"verdict", "verdict", Align::kLeft},
                {"m", "m"},
                {"n", "n"},
                {"k", "k"},
                kOperationColumn,
                kGroupsColumn,
                kAlignmentColumn,
                {"old µs", "old_us"},
                {"new µs", "new_us"},
                {"time", "ratio"},
                {"interval %", "interval"},
                {"", "interval_low"},
                {"", "interval_high"},
                {"", "old_config", Align::kLeft},
                {"new config", "new_config", Align::kLeft}});
}

Colour colour_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kSlower:
      return Colour::kRed;
    case Verdict::kFaster:
      return Colour::kGreen;
    case Verdict::kAmbiguous:
      return Colour::kYellow;
    case Verdict::kSame:
      break;
  }
  return Colour::kNone;
}

void add_row(Table& table, const ComparedShape& shape) {
  const std::string verdict(name(shape.verdict));
  table.add_row({{verdict, verdict, colour_of(shape.verdict)},
                 cell(shape.problem.m),
                 cell(shape.problem.n),
                 cell(shape.problem.k),
                 operation_cell(shape.problem),
                 groups_cell(shape.problem),
                 alignment_cell(shape.problem),
                 time_cell(shape.old_us),
                 time_cell(shape.new_us),
                 change_cell(shape.ratio),
                 cell(interval_text(shape)),
                 change_cell(shape.interval.low),
                 change_cell(shape.interval.high),
                 cell(shape.old_config),
                 {config_change(shape), shape.new_config, Colour::kNone}});
}

// What needs a decision first; within a verdict the largest change.
std::vector<ComparedShape> by_importance(const Comparison& comparison) {
  std::vector<ComparedShape> shapes = comparison.shapes;
  std::ranges::stable_sort(shapes, [](const ComparedShape& a, const ComparedShape& b) {
    if (a.verdict != b.verdict) return a.verdict < b.verdict;
    if (a.verdict == Verdict::kSame) return false;
    return a.verdict == Verdict::kFaster ? a.ratio < b.ratio : a.ratio > b.ratio;
  });
  return shapes;
}

std::string rule_text(const Comparison& comparison) {
  const CompareOptions& options = comparison.options;
  return fmt::format(
      "SLOWER, FASTER: medians differ by {:.3g} % or more, and beyond ±{:.3g} % of drift "
      "({:.5g} % confidence).",
      100 * options.threshold, 100 * options.drift, 100 * options.confidence);
}

std::string control_text(const Comparison& comparison) {
  const Control& control = comparison.control;
  if (control.shapes == 0) return "";
  std::string text = fmt::format("Control: {}, the same in both, took {} ({}).", control.title,
                                 change_text(control.ratio), counted(control.shapes, "shape"));
  const double drift = 1 + comparison.options.drift;
  if (control.ratio > drift || control.ratio < 1 / drift) {
    text += " The machine changed by more than the drift allowed: compare again.";
  }
  return text;
}

std::string difference_text(const Difference& difference) {
  const auto shown = [](const std::string& value) { return value.empty() ? "none" : value; };
  return fmt::format("{} {} -> {}", difference.what, shown(difference.old_value),
                     shown(difference.new_value));
}

std::string interrupted_text(const Comparison& comparison) {
  std::string text;
  if (comparison.before.interrupted) text += "OLD was interrupted: it lacks shapes.\n";
  if (comparison.after.interrupted) text += "NEW was interrupted: it lacks shapes.\n";
  return text;
}

// The notes below the table, each line with `bullet` before it.
std::string notes(const Comparison& comparison, std::string_view bullet) {
  std::string text;
  for (const LeftOut& shape : comparison.left_out) {
    text +=
        fmt::format("{}Not compared: {} ({})\n", bullet, core::to_string(shape.problem), shape.why);
  }
  for (const Difference& difference : comparison.differences) {
    text += fmt::format("{}{}{}\n", bullet,
                        difference.of_the_machine ? "Machine or method: " : "Differs: ",
                        difference_text(difference));
  }
  return text;
}

std::string table_text(const Comparison& comparison, Paint paint) {
  Table table = compare_table();
  for (const ComparedShape& shape : by_importance(comparison)) add_row(table, shape);
  std::string text = fmt::format("OLD {}\nNEW {}\n\n", comparison.before.path.string(),
                                 comparison.after.path.string());
  if (table.rows() > 0) text += table.text(paint) + "\n";
  text += headline(comparison) + "\n" + rule_text(comparison) + "\n";
  if (const std::string control = control_text(comparison); !control.empty())
    text += control + "\n";
  return text + interrupted_text(comparison) + notes(comparison, "");
}

// A comment for a pull request: what changed is open, what did not is folded away.
std::string markdown_text(const Comparison& comparison) {
  Table changed = compare_table();
  Table same = compare_table();
  for (const ComparedShape& shape : by_importance(comparison)) {
    add_row(shape.verdict == Verdict::kSame ? same : changed, shape);
  }
  std::string text = fmt::format("**deepgemm-bench compare**: {}\n\n", headline(comparison));
  if (changed.rows() > 0) text += changed.markdown() + "\n";
  if (same.rows() > 0) {
    text += fmt::format("<details><summary>{} the SAME</summary>\n\n{}\n</details>\n\n",
                        counted(static_cast<long long>(same.rows()), "shape"), same.markdown());
  }
  text += rule_text(comparison) + " " + control_text(comparison) + "\n";
  const std::string rest = interrupted_text(comparison) + notes(comparison, "- ");
  return rest.empty() ? text : text + "\n" + rest;
}

Json file_json(const BenchFile& file) {
  return {{"file", file.path.string()},
          {"environment", environment_json(file.environment)},
          {"policy", file.policy},
          {"rounds", file.rounds},
          {"interrupted", file.interrupted}};
}

Json shape_json(const ComparedShape& shape) {
  const bool known = shape.interval.low > 0;
  return {{"shape", problem_json(shape.problem)},
          {"verdict", name(shape.verdict)},
          {"old_us", shape.old_us},
          {"new_us", shape.new_us},
          {"ratio", shape.ratio},
          {"interval_low", known ? Json(shape.interval.low) : Json()},
          {"interval_high", known ? Json(shape.interval.high) : Json()},
          {"old_config", shape.old_config},
          {"new_config", shape.new_config},
          {"note", shape.note}};
}

std::string json_text(const CompareReport& report) {
  const Comparison& comparison = report.comparison;
  Json json = report_head("deepgemm-bench-compare/1", report.command);
  json["old"] = file_json(comparison.before);
  json["new"] = file_json(comparison.after);
  json["threshold"] = comparison.options.threshold;
  json["drift"] = comparison.options.drift;
  json["confidence"] = comparison.options.confidence;
  for (const Verdict verdict :
       {Verdict::kSlower, Verdict::kFaster, Verdict::kSame, Verdict::kAmbiguous}) {
    json["counts"][std::string(name(verdict))] = count(comparison, verdict);
  }
  json["counts"]["broken"] = count_broken(comparison);
  json["mean_ratio"] = time_json(mean_change(comparison));
  const Control& control = comparison.control;
  json["control"] = control.shapes == 0 ? Json()
                                        : Json{{"contender", control.title},
                                               {"ratio", control.ratio},
                                               {"shapes", control.shapes}};
  json["shapes"] = Json::array();
  for (const ComparedShape& shape : comparison.shapes) json["shapes"].push_back(shape_json(shape));
  json["left_out"] = Json::array();
  for (const LeftOut& shape : comparison.left_out) {
    json["left_out"].push_back(
        {{"shape", problem_json(shape.problem)}, {"why", shape.why}, {"broken", shape.broken}});
  }
  json["differences"] = Json::array();
  for (const Difference& difference : comparison.differences) {
    json["differences"].push_back({{"what", difference.what},
                                   {"old", difference.old_value},
                                   {"new", difference.new_value},
                                   {"of_the_machine", difference.of_the_machine}});
  }
  return dump(json);
}

}  // namespace

std::string headline(const Comparison& comparison) {
  std::string text = counted(std::ssize(comparison.shapes), "shape") + ":";
  std::string_view separator = " ";
  for (const Verdict verdict :
       {Verdict::kSlower, Verdict::kFaster, Verdict::kSame, Verdict::kAmbiguous}) {
    text += fmt::format("{}{} {}", separator, count(comparison, verdict), name(verdict));
    separator = ", ";
  }
  if (count_broken(comparison) > 0) text += fmt::format(", {} broken", count_broken(comparison));
  const double mean = mean_change(comparison);
  if (mean > 0) text += fmt::format("; time {} by geometric mean", change_text(mean));
  return text + ".";
}

std::string render(const CompareReport& report, Format format) {
  switch (format) {
    case Format::kJson:
      return json_text(report);
    case Format::kMarkdown:
      return markdown_text(report.comparison);
    case Format::kCsv: {
      Table table = compare_table();
      for (const ComparedShape& shape : report.comparison.shapes) add_row(table, shape);
      return table.csv();
    }
    case Format::kColourTable:
      return table_text(report.comparison, Paint::kColours);
    default:
      return table_text(report.comparison, Paint::kPlain);
  }
}

}  // namespace deepgemm::app
