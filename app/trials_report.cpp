#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "app/db_report.h"
#include "app/figures.h"
#include "app/json_report.h"
#include "app/shape_columns.h"
#include "app/table.h"
#include "core/staleness.h"

namespace deepgemm::app {

namespace {

Table trial_table() {
  return Table({{"", "m"},
                {"", "n"},
                {"", "k"},
                kOperationColumn,
                kGroupsColumn,
                kAlignmentColumn,
                {"contender", "contender", Align::kLeft},
                {"config", "config_short", Align::kLeft},
                {"", "config", Align::kLeft},
                {"", "kernel_key", Align::kLeft},
                {"outcome", "outcome", Align::kLeft},
                {"predicted", "predicted_us"},
                {"time µs", "time_us"},
                {"", "spread_us"},
                {"95 % from", "ci_low_us"},
                {"to", "ci_high_us"},
                {"samples", "samples"},
                {"", "rejected_samples"},
                {"MHz", "sm_clock_mhz"},
                {"error", "relative_error"},
                {"", "max_error"},
                {"error f64", "relative_error_f64"},
                {"", "reference_error_f64"},
                {"", "reference", Align::kLeft},
                {"", "unwritten"},
                {"", "canaries_touched"},
                {"", "repeatable"},
                {"regs", "registers"},
                {"spill", "spill_bytes"},
                {"", "device_id", Align::kLeft},
                {"", "device_uuid", Align::kLeft},
                {"", "driver", Align::kLeft},
                {"", "nvrtc", Align::kLeft},
                {"", "cublaslt", Align::kLeft},
                {"", "library_version", Align::kLeft},
                {"", "sources_hash", Align::kLeft},
                {"", "sm_clock_max_mhz"},
                {"", "memory_clock_mhz"},
                {"", "application_clock_mhz"},
                {"", "power_limit_w"},
                {"", "staleness", Align::kLeft},
                {"", "policy", Align::kLeft},
                {"recorded", "recorded_at", Align::kLeft},
                {"detail", "detail", Align::kLeft}});
}

Cell error_cell(bool known, double error) {
  if (!known) return {"-", ""};
  return {fmt::format("{:.1e}", error), fmt::format("{:.6e}", error)};
}

Cell count_cell(bool known, long long count) { return known ? cell(count) : Cell{"-", ""}; }

Cell limit_cell(int limit) { return count_cell(limit > 0, limit); }

std::vector<Cell> trial_cells(const db::TrialRow& row, const core::Environment& here) {
  const core::Trial& trial = row.trial;
  const core::Measurement& measurement = trial.measurement;
  const core::Verification& verification = trial.verification;
  const core::Environment& environment = row.environment;
  const bool ours = is_ours(trial.contender);
  const bool timed = !measurement.samples_us.empty();
  const bool checked = !verification.reference.empty();
  return {cell(trial.problem.m),
          cell(trial.problem.n),
          cell(trial.problem.k),
          operation_cell(trial.problem),
          groups_cell(trial.problem),
          alignment_cell(trial.problem),
          cell(std::string(core::name(trial.contender))),
          ours ? cell(core::short_name(trial.config)) : Cell{"-", ""},
          ours ? cell(core::to_string(trial.config)) : Cell{"-", ""},
          cell(trial.kernel_key),
          cell(std::string(core::name(trial.outcome))),
          time_cell(trial.predicted_us),
          time_cell(measurement.median_us, measurement.spread_us),
          time_cell(measurement.spread_us),
          time_cell(measurement.ci_low_us),
          time_cell(measurement.ci_high_us),
          count_cell(timed, std::ssize(measurement.samples_us)),
          count_cell(timed, measurement.rejected_samples),
          count_cell(measurement.sm_clock_mhz > 0, measurement.sm_clock_mhz),
          error_cell(checked, verification.relative_error),
          error_cell(checked, verification.max_error),
          error_cell(checked, verification.relative_error_f64),
          error_cell(checked, verification.reference_error_f64),
          cell(verification.reference),
          count_cell(checked, verification.unwritten),
          count_cell(checked, verification.canaries_touched),
          checked ? cell(verification.repeatable ? "yes" : "no") : Cell{"-", ""},
          count_cell(ours, trial.build.registers),
          count_cell(ours, trial.build.spill_bytes),
          cell(environment.device_id),
          cell(environment.device_uuid),
          cell(environment.driver),
          cell(environment.nvrtc),
          cell(environment.cublaslt),
          cell(environment.library_version),
          cell(environment.sources_hash),
          limit_cell(environment.sm_clock_max_mhz),
          limit_cell(environment.memory_clock_mhz),
          limit_cell(environment.application_clock_mhz),
          limit_cell(environment.power_limit_w),
          cell(std::string(core::name(core::grade(environment, here).staleness))),
          cell(trial.policy),
          cell(row.recorded_at),
          cell(trial.detail)};
}

std::string environment_line(const core::Environment& environment) {
  // Of a GPU that ran something there is one.
  const std::string_view no_driver = environment.device_uuid.empty() ? "none" : "unknown";
  std::string line = fmt::format(
      "{} ({}), driver {}, NVRTC {}, cuBLASLt {}, deepgemm {}, sources {}", environment.device_id,
      environment.device_name, environment.driver.empty() ? no_driver : environment.driver,
      environment.nvrtc, environment.cublaslt.empty() ? "none" : environment.cublaslt,
      environment.library_version, environment.sources_hash.substr(0, 12));
  for (const core::ClockLimit& limit : core::kClockLimits) {
    const int value = environment.*limit.member;
    if (value != 0) line += fmt::format(", {} {} {}", limit.words, value, limit.unit);
  }
  return line;
}

// One table per shape, environment and policy: only times of one table may be compared.
std::string trials_text(const TrialsReport& report) {
  struct Group {
    const db::TrialRow* first;
    Table table;
  };
  std::vector<Group> groups;
  for (const auto& row : report.trials) {
    const auto same = [&](const Group& group) {
      return group.first->trial.problem == row.trial.problem &&
             group.first->trial.policy == row.trial.policy &&
             group.first->environment == row.environment;
    };
    auto found = std::ranges::find_if(groups, same);
    if (found == groups.end()) {
      groups.push_back({&row, trial_table()});
      found = std::prev(groups.end());
    }
    found->table.add_row(trial_cells(row, report.here));
  }
  std::string text;
  for (const auto& [first, table] : groups) {
    if (!text.empty()) text += '\n';
    text += fmt::format("{} on {}\n", core::to_string(first->trial.problem),
                        environment_line(first->environment));
    const core::StalenessGrade grade = core::grade(first->environment, report.here);
    text += fmt::format("staleness: {}{}{}\n", core::name(grade.staleness),
                        grade.reason.empty() ? "" : ": ", grade.reason);
    if (!first->trial.policy.empty()) text += fmt::format("measured: {}\n", first->trial.policy);
    text += '\n' + table.text();
  }
  return text;
}

}  // namespace

std::string render(const TrialsReport& report, Format format) {
  if (format == Format::kJson) {
    Json json = report_head("deepgemm-db/1", report.command);
    json["database"] = report.database;
    json["database_schema"] = report.schema_version;
    json["trials"] = Json::array();
    for (const auto& row : report.trials) {
      json["trials"].push_back(
          {{"shape", problem_json(row.trial.problem)},
           {"trial", trial_json(row.trial)},
           {"environment", environment_json(row.environment)},
           {"staleness", core::name(core::grade(row.environment, report.here).staleness)},
           {"recorded_at", row.recorded_at}});
    }
    return dump(json);
  }
  if (format == Format::kTable) return trials_text(report);
  Table table = trial_table();
  for (const auto& row : report.trials) table.add_row(trial_cells(row, report.here));
  return table.csv();
}

}  // namespace deepgemm::app
