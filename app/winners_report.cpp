#include "app/db_report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "app/figures.h"
#include "app/json_report.h"
#include "app/shape_columns.h"
#include "app/table.h"
#include "core/staleness.h"

namespace deepgemm::app {

namespace {

// Begins the reason of a row that answers nothing.
constexpr std::string_view kNotUsed = "not used, its kernel is of another launch: ";

Cell ratio_of(double theirs, double ours) {
  return ratio_cell(theirs > 0 && ours > 0 ? theirs / ours : 0);
}

std::vector<Cell> winner_cells(const db::WinnerRow& row, const core::Environment& here) {
  const core::Winner& winner = row.winner;
  const double time_us = winner.median_us;
  return {cell(row.environment.device_id),
          cell(winner.problem.m),
          cell(winner.problem.n),
          cell(winner.problem.k),
          operation_cell(winner.problem),
          groups_cell(winner.problem),
          alignment_cell(winner.problem),
          unusual_rows_cell(winner.problem, winner.rows),
          cell(core::short_name(winner.config)),
          cell(core::to_string(winner.config)),
          cell(winner.kernel_key),
          cell(winner.measured ? "yes" : "no"),
          winner.measured ? time_cell(time_us, winner.spread_us) : predicted_cell(time_us),
          time_cell(winner.spread_us),
          time_cell(winner.default_us),
          ratio_of(winner.default_us, time_us),
          time_cell(winner.cublaslt_block_us),
          ratio_of(winner.cublaslt_block_us, time_us),
          time_cell(winner.cublaslt_tensorwide_us),
          cell(winner.trials),
          cell(row.recorded_at),
          cell(row.environment.library_version),
          cell(row.environment.sources_hash),
          cell(std::string(core::name(core::grade(row.environment, here).staleness))),
          cell(row.is_launchable ? winner.reason : std::string(kNotUsed) + winner.reason)};
}

Table winner_table() {
  return Table({{"device", "device_id", Align::kLeft},
                {"m", "m"},
                {"n", "n"},
                {"k", "k"},
                kOperationColumn,
                kGroupsColumn,
                kAlignmentColumn,
                kUnusualRowsColumn,
                {"config", "config_short", Align::kLeft},
                {"", "config", Align::kLeft},
                {"", "kernel_key", Align::kLeft},
                {"measured", "measured", Align::kLeft},
                {"time µs", "time_us"},
                {"", "spread_us"},
                {"", "default_us"},
                {"over default", "over_default"},
                {"", "cublaslt_block_us"},
                {"over cuBLASLt", "over_cublaslt_block"},
                {"", "cublaslt_tensorwide_us"},
                {"tried", "trials"},
                {"recorded", "recorded_at", Align::kLeft},
                {"", "library_version", Align::kLeft},
                {"", "sources_hash", Align::kLeft},
                {"staleness", "staleness", Align::kLeft},
                {"why", "reason", Align::kLeft}});
}

}  // namespace

std::string render(const WinnersReport& report, Format format) {
  if (format == Format::kJson) {
    Json json = report_head("deepgemm-db/1", report.command);
    json["database"] = report.database;
    json["database_schema"] = report.schema_version;
    json["winners"] = Json::array();
    for (const auto& row : report.winners) {
      json["winners"].push_back(
          {{"shape", problem_json(row.winner.problem)},
           {"rows", rows_json(row.winner)},
           {"winner", winner_json(row.winner)},
           {"environment", environment_json(row.environment)},
           {"staleness", core::name(core::grade(row.environment, report.here).staleness)},
           {"launchable", row.is_launchable},
           {"recorded_at", row.recorded_at}});
    }
    return dump(json);
  }
  Table table = winner_table();
  for (const auto& row : report.winners) table.add_row(winner_cells(row, report.here));
  return format == Format::kCsv ? table.csv() : table.text();
}

}  // namespace deepgemm::app
