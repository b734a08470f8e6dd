#include "app/coverage.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <span>

#include "app/figures.h"
#include "app/json_report.h"
#include "app/shape_columns.h"
#include "app/table.h"
#include "app/text.h"
#include "core/key.h"
#include "db/row_choice.h"

namespace deepgemm::app {

namespace {

constexpr core::Match kMatches[] = {core::Match::kExact, core::Match::kBucket,
                                    core::Match::kOtherDevice, core::Match::kNone};

// A row that is current is no news, and the line of other-device counts those that are hints.
constexpr core::Staleness kStale[] = {core::Staleness::kVerify, core::Staleness::kRetune};

// The match of calls whose shape nobody knows.
constexpr std::string_view kUnknown = "unknown";

std::int64_t all_calls(const CoverageReport& report) {
  std::int64_t sum = report.unknown;
  for (const auto& line : report.lines) sum += line.traced.count;
  return sum;
}

double share(const CoverageReport& report, std::int64_t count) {
  const std::int64_t all = all_calls(report);
  return all > 0 ? static_cast<double>(count) / static_cast<double>(all) : 0;
}

Cell share_cell(double value) {
  return {fmt::format("{:.1f} %", 100 * value), fmt::format("{:.6f}", value)};
}

std::string summary(const CoverageReport& report) {
  std::string text;
  for (const core::Match match : kMatches) {
    const std::int64_t count = calls(report, match);
    if (count == 0 && match == core::Match::kOtherDevice) continue;
    text += fmt::format("{:<13}{:>12}  {:>7}\n", core::name(match), counted(count, "call"),
                        share_cell(share(report, count)).shown);
  }
  if (report.unknown > 0) {
    text += fmt::format(
        "{:<13}{:>12}  {:>7}  of shapes that the trace, being full, does not tell\n", kUnknown,
        counted(report.unknown, "call"), share_cell(share(report, report.unknown)).shown);
  }
  for (const core::Staleness staleness : kStale) {
    const std::int64_t count = calls(report, staleness);
    if (count == 0) continue;
    text += fmt::format("{:<13}{:>12}  {:>7}  by rows of that staleness\n", core::name(staleness),
                        counted(count, "call"), share_cell(share(report, count)).shown);
  }
  text += fmt::format("{:<13}{:>12}\n", "dead",
                      counted(static_cast<long long>(report.dead.size()), "row"));
  // A bundle has a hundred rows of which a model asks for a few.
  constexpr std::size_t kShown = 5;
  const std::size_t shown = std::min(report.dead.size(), kShown);
  for (const auto* row : std::span(report.dead).first(shown)) {
    text += fmt::format("  nobody asks for {}\n", core::to_string(row->winner.problem));
  }
  if (shown < report.dead.size()) {
    text += fmt::format("  …, and {} more (--format json lists all)\n", report.dead.size() - shown);
  }
  return text;
}

Table table_of(const CoverageReport& report) {
  Table table({{"m", "m"},
               {"n", "n"},
               {"k", "k"},
               kOperationColumn,
               kGroupsColumn,
               kAlignmentColumn,
               {"calls", "count"},
               {"share", "share"},
               {"match", "match", Align::kLeft},
               {"row m", "tuned_m"},
               {"config", "config", Align::kLeft},
               {"staleness", "staleness", Align::kLeft}});
  for (const auto& line : report.lines) {
    const core::GemmProblem& problem = line.traced.problem;
    const bool hit = line.row != nullptr;
    table.add_row({cell(problem.m), cell(problem.n), cell(problem.k), operation_cell(problem),
                   groups_cell(problem), alignment_cell(problem), cell(line.traced.count),
                   share_cell(share(report, line.traced.count)),
                   cell(std::string(core::name(line.match))),
                   hit ? cell(line.row->winner.problem.m) : Cell{"-", ""},
                   hit ? Cell{core::short_name(line.row->winner.config),
                              core::to_string(line.row->winner.config)}
                       : Cell{"-", ""},
                   hit ? cell(std::string(core::name(line.grade.staleness))) : Cell{"-", ""}});
  }
  if (report.unknown > 0) {
    const Cell none{"-", ""};
    table.add_row({none, none, none, Cell{"", ""}, none, none, cell(report.unknown),
                   share_cell(share(report, report.unknown)), cell(std::string(kUnknown)), none,
                   none, none});
  }
  return table;
}

std::string json_of(const CoverageReport& report) {
  Json json = report_head("deepgemm-db/1", report.command);
  json["database"] = report.database;
  json["device_id"] = report.device_id;
  json["calls"] = all_calls(report);
  for (const core::Match match : kMatches) {
    const std::int64_t count = calls(report, match);
    json["coverage"][std::string(core::name(match))] = {{"calls", count},
                                                        {"share", share(report, count)}};
  }
  json["unknown_shapes"] = {{"calls", report.unknown}, {"share", share(report, report.unknown)}};
  for (const core::Staleness staleness : {core::Staleness::kCurrent, core::Staleness::kVerify,
                                          core::Staleness::kRetune, core::Staleness::kHint}) {
    const std::int64_t count = calls(report, staleness);
    json["staleness"][std::string(core::name(staleness))] = {{"calls", count},
                                                             {"share", share(report, count)}};
  }
  json["lines"] = Json::array();
  for (const auto& line : report.lines) {
    json["lines"].push_back(
        {{"shape", problem_json(line.traced.problem)},
         {"count", line.traced.count},
         {"share", share(report, line.traced.count)},
         {"match", core::name(line.match)},
         {"row", line.row == nullptr ? Json(nullptr) : problem_json(line.row->winner.problem)},
         {"staleness",
          line.row == nullptr ? Json(nullptr) : Json(core::name(line.grade.staleness))},
         {"staleness_reason", line.grade.reason}});
  }
  json["dead_rows"] = Json::array();
  for (const auto* row : report.dead) {
    json["dead_rows"].push_back(problem_json(row->winner.problem));
  }
  return dump(json);
}

// Those of this kind of GPU; of a family that it has no row of, those of the kind that answers.
std::vector<const db::WinnerRow*> answering_rows(const db::FamilyTable& families) {
  std::vector<const db::WinnerRow*> rows;
  for (const auto& kinds : families.all()) {
    rows.insert(rows.end(), kinds.front().rows.begin(), kinds.front().rows.end());
  }
  return rows;
}

}  // namespace

CoverageReport cover(const std::vector<db::WinnerRow>& winners, const core::Environment& here,
                     const Trace& trace) {
  CoverageReport report;
  report.unknown = trace.further;
  report.device_id = here.device_id;
  const db::FamilyTable families(winners, here);
  std::set<const db::WinnerRow*> asked;
  for (const TracedProblem& traced : trace.problems) {
    const db::Family& family = families.find(traced.problem);
    CoverageLine line{
        traced, db::look_up(family, traced.problem, here.device_id).match, nullptr, {}};
    if (const auto index = core::find_row(family.tuned, traced.problem.m)) {
      line.row = family.rows[*index];
      line.grade = core::grade(line.row->environment, here);
      asked.insert(line.row);
    }
    report.lines.push_back(line);
  }
  std::stable_sort(
      report.lines.begin(), report.lines.end(),
      [](const CoverageLine& a, const CoverageLine& b) { return a.traced.count > b.traced.count; });
  for (const auto* row : answering_rows(families)) {
    if (!asked.contains(row)) report.dead.push_back(row);
  }
  return report;
}

std::int64_t calls(const CoverageReport& report, core::Match match) {
  std::int64_t sum = 0;
  for (const auto& line : report.lines) sum += line.match == match ? line.traced.count : 0;
  return sum;
}

std::int64_t calls(const CoverageReport& report, core::Staleness staleness) {
  std::int64_t sum = 0;
  for (const auto& line : report.lines) {
    if (line.row != nullptr && line.grade.staleness == staleness) sum += line.traced.count;
  }
  return sum;
}

std::string render(const CoverageReport& report, Format format) {
  if (format == Format::kJson) return json_of(report);
  if (format == Format::kCsv) return table_of(report).csv();
  return table_of(report).text() + "\n" + summary(report);
}

}  // namespace deepgemm::app
