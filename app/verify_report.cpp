#include "app/verify_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/figures.h"
#include "app/json_report.h"
#include "app/shape_columns.h"
#include "app/table.h"
#include "app/text.h"

namespace deepgemm::app {

namespace {

using autotune::BenchmarkEntry;
using autotune::RowVerdict;
using core::Contender;

Colour colour_of(RowVerdict verdict) {
  switch (verdict) {
    case RowVerdict::kHolds:
      return Colour::kGreen;
    case RowVerdict::kDrifted:
      return Colour::kYellow;
    case RowVerdict::kWrong:
    case RowVerdict::kNotChecked:
      return Colour::kRed;
  }
  return Colour::kNone;
}

// The entry behind the winner that raced as `contender`; null where none did.
const BenchmarkEntry* rival(const autotune::Recheck& recheck, Contender contender) {
  for (std::size_t i = 1; i < recheck.entries.size(); ++i) {
    if (recheck.entries[i].contender == contender) return &recheck.entries[i];
  }
  return nullptr;
}

double time_of(const BenchmarkEntry* entry) {
  return entry == nullptr ? 0 : entry->measurement.median_us;
}

const BenchmarkEntry* winner_of(const VerifyLine& line) {
  return line.recheck.entries.empty() ? nullptr : &line.recheck.entries.front();
}

Cell over(double other_us, double ours_us) {
  return ratio_cell(ours_us > 0 ? other_us / ours_us : 0);
}

Table table_of(const VerifyReport& report) {
  Table table({{"verdict", "verdict", Align::kLeft},
               {"m", "m"},
               {"n", "n"},
               {"k", "k"},
               kOperationColumn,
               kGroupsColumn,
               kAlignmentColumn,
               kUnusualRowsColumn,
               {"config", "config", Align::kLeft},
               {"stored µs", "stored_us"},
               {"here µs", "time_us"},
               {"× runner-up", "over_runner_up"},
               {"× default", "over_default"},
               {"samples", "samples"},
               {"staleness", "staleness", Align::kLeft},
               {"why", "why", Align::kLeft}});
  for (const VerifyLine& line : report.lines) {
    const core::Winner& stored = line.row.winner;
    const BenchmarkEntry* winner = winner_of(line);
    const double time_us = time_of(winner);
    const std::size_t samples = winner == nullptr ? 0 : winner->measurement.samples_us.size();
    Cell verdict = cell(std::string(autotune::name(line.recheck.verdict)));
    verdict.colour = colour_of(line.recheck.verdict);
    table.add_row({verdict, cell(stored.problem.m), cell(stored.problem.n), cell(stored.problem.k),
                   operation_cell(stored.problem), groups_cell(stored.problem),
                   alignment_cell(stored.problem), unusual_rows_cell(stored.problem, stored.rows),
                   Cell{core::short_name(stored.config), core::to_string(stored.config)},
                   stored.measured ? time_cell(stored.median_us) : predicted_cell(stored.median_us),
                   time_cell(time_us, winner == nullptr ? 0 : winner->measurement.spread_us),
                   over(time_of(rival(line.recheck, Contender::kCandidate)), time_us),
                   over(time_of(rival(line.recheck, Contender::kDefault)), time_us),
                   cell(static_cast<long long>(samples)),
                   cell(std::string(core::name(line.grade.staleness))), cell(line.recheck.why)});
  }
  return table;
}

std::string summary(const VerifyReport& report) {
  const int unknown = count(report, RowVerdict::kNotChecked);
  const std::string text =
      fmt::format("{}: {} hold, {} drifted, {} wrong{}; {:.1f} s on {}\n",
                  counted(static_cast<long long>(report.lines.size()), "row"),
                  count(report, RowVerdict::kHolds), count(report, RowVerdict::kDrifted),
                  count(report, RowVerdict::kWrong),
                  unknown > 0 ? fmt::format(", {} not checked", unknown) : "", report.seconds,
                  report.device.name);
  return text + "×: their time over the winner's; drifted: 3 % or more behind one of them.\n";
}

Json entry_json(const BenchmarkEntry* entry) {
  if (entry == nullptr) return nullptr;
  const bool checked = entry->check.verification.reference.empty() == false;
  const bool timed = !entry->measurement.samples_us.empty();
  return {{"config", entry->config ? config_json(*entry->config) : Json(nullptr)},
          {"kernel_key", entry->kernel_key},
          {"failure", entry->failure},
          {"outcome", core::name(entry->check.outcome)},
          {"verification", checked ? verification_json(entry->check.verification) : Json(nullptr)},
          {"measurement", timed ? measurement_json(entry->measurement) : Json(nullptr)}};
}

std::string json_of(const VerifyReport& report) {
  Json json = report_head("deepgemm-db/1", report.command);
  json["database"] = report.database;
  json["device"] = device_json(report.device);
  json["environment"] = environment_json(report.environment);
  json["policy"] = report.policy;
  json["interrupted"] = report.interrupted;
  json["seconds"] = report.seconds;
  for (const RowVerdict each :
       {RowVerdict::kHolds, RowVerdict::kDrifted, RowVerdict::kWrong, RowVerdict::kNotChecked}) {
    json["counts"][std::string(autotune::name(each))] = count(report, each);
  }
  json["rows"] = Json::array();
  for (const VerifyLine& line : report.lines) {
    json["rows"].push_back({{"shape", problem_json(line.row.winner.problem)},
                            {"rows", rows_json(line.row.winner)},
                            {"verdict", autotune::name(line.recheck.verdict)},
                            {"why", line.recheck.why},
                            {"staleness", core::name(line.grade.staleness)},
                            {"staleness_reason", line.grade.reason},
                            {"stored_us", time_json(line.row.winner.median_us)},
                            {"over_rival", time_json(line.recheck.over_rival)},
                            {"winner", entry_json(winner_of(line))},
                            {"runner_up", entry_json(rival(line.recheck, Contender::kCandidate))},
                            {"default", entry_json(rival(line.recheck, Contender::kDefault))}});
  }
  return dump(json);
}

}  // namespace

int count(const VerifyReport& report, RowVerdict verdict) {
  return static_cast<int>(std::ranges::count_if(
      report.lines, [verdict](const VerifyLine& line) { return line.recheck.verdict == verdict; }));
}

std::string render(const VerifyReport& report, Format format) {
  if (format == Format::kJson) return json_of(report);
  if (format == Format::kCsv) return table_of(report).csv();
  const Paint paint = format == Format::kColourTable ? Paint::kColours : Paint::kPlain;
  return table_of(report).text(paint) + "\n" + summary(report);
}

}  // namespace deepgemm::app
