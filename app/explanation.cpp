#include "app/explanation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <tuple>

#include "app/figures.h"
#include "app/json_report.h"
#include "app/shape_columns.h"
#include "app/table.h"
#include "autotune/cost_model.h"
#include "core/default_config.h"
#include "core/key.h"
#include "db/row_choice.h"

namespace deepgemm::app {

namespace {

// How many times larger or smaller, over all three extents.
double distance(const core::GemmProblem& a, const core::GemmProblem& b) {
  const auto apart = [](std::int64_t x, std::int64_t y) {
    return std::abs(std::log2(static_cast<double>(x) / static_cast<double>(y)));
  };
  return apart(a.m, b.m) + apart(a.n, b.n) + apart(a.k, b.k) + apart(a.groups, b.groups);
}

std::vector<std::string> differing_fields(const core::GemmProblem& asked,
                                          const std::string& device_id, const db::WinnerRow& row,
                                          bool with_m) {
  std::vector<std::string> fields;
  const std::string_view verb = core::is_searched(row.winner) ? "tuned" : "raced";
  const auto compare = [&](std::string_view name, const auto& wanted, const auto& tuned) {
    if (wanted != tuned)
      fields.push_back(fmt::format("{}: asked {}, {} {}", name, wanted, verb, tuned));
  };
  const core::GemmProblem& tuned = row.winner.problem;
  compare("operation", core::name(asked.operation), core::name(tuned.operation));
  if (with_m) compare("m", asked.m, tuned.m);
  compare("n", asked.n, tuned.n);
  compare("k", asked.k, tuned.k);
  compare("groups", asked.groups, tuned.groups);
  compare("alignment", asked.alignment, tuned.alignment);
  compare("device", device_id, row.environment.device_id);
  if (!row.is_launchable) fields.push_back("kernel: of another launch, not used; tune it again");
  return fields;
}

// Of a row that answers, or of those that were passed over.
bool has_grade(const Explanation& each) {
  return each.row != nullptr || !each.grade.reason.empty();
}

// Of a miss: fewest fields first, then the same operation, then size.
const db::WinnerRow* closest(const std::vector<db::WinnerRow>& winners,
                             const core::GemmProblem& problem, const std::string& device_id) {
  const auto rank = [&](const db::WinnerRow& row) {
    return std::tuple(differing_fields(problem, device_id, row, false).size(),
                      row.winner.problem.operation != problem.operation,
                      distance(row.winner.problem, problem));
  };
  const auto least = std::ranges::min_element(winners, {}, rank);
  return least == winners.end() ? nullptr : &*least;
}

// 0 where nothing is known of the rates of this kind of GPU.
double predict(const core::GemmProblem& problem, const core::GemmConfig& config,
               const core::DeviceInfo& device) {
  if (device.is_profile && core::find_device_profile(device.id) == nullptr) return 0;
  return autotune::CostModel(device).predict(problem, config).total_us;
}

std::string text_of(const Explanation& each) {
  std::string text = fmt::format("{} on {}\n", core::to_string(each.problem), each.device_id);
  const auto line = [&text](std::string_view name, std::string_view value) {
    text += fmt::format("  {:<11}{}\n", name, value);
  };
  line("match", fmt::format("{}: {}", core::name(each.lookup.match), each.lookup.reason));
  if (each.row != nullptr) {
    const core::Winner& winner = each.row->winner;
    line("row", fmt::format("{}, {}, {} µs {}, {}", core::to_string(winner.problem),
                            core::short_name(winner.config), time_cell(winner.median_us).shown,
                            winner.measured ? "measured" : "predicted", winner.reason));
    if (!winner.rows.empty()) line("measured", "with " + winner.rows);
    line("config", core::to_string(winner.config));
    line("kernel", winner.kernel_key);
  }
  if (has_grade(each)) {
    line("staleness",
         each.grade.reason.empty()
             ? std::string(core::name(each.grade.staleness))
             : fmt::format("{}: {}", core::name(each.grade.staleness), each.grade.reason));
  }
  if (each.row == nullptr && each.compared != nullptr) {
    line("closest", fmt::format("{} on {}", core::to_string(each.compared->winner.problem),
                                each.compared->environment.device_id));
  }
  for (const auto& field : each.differing) line("differs", field);
  std::string fallback = core::short_name(each.fallback);
  if (each.fallback_us > 0) {
    fallback += fmt::format(", {} µs predicted", predicted_cell(each.fallback_us).shown);
  }
  if (each.row != nullptr) {
    const core::Winner& winner = each.row->winner;
    if (winner.default_us > 0) {
      fallback += fmt::format("; the default of {} {} {} µs there", core::to_string(winner.problem),
                              winner.measured ? "took" : "was predicted to take",
                              time_cell(winner.default_us).shown);
    }
  }
  line("default", fallback);
  return text;
}

}  // namespace

Explanation explain(const std::vector<db::WinnerRow>& winners, const core::GemmProblem& problem,
                    const core::DeviceInfo& device, const core::Environment& here) {
  Explanation result;
  result.problem = problem;
  result.device_id = device.id;
  const db::Family family = db::family_for(winners, problem, here);
  result.lookup = db::look_up(family, problem, device.id);
  if (const auto index = core::find_row(family.tuned, problem.m)) {
    result.row = family.rows[*index];
    result.grade = core::grade(result.row->environment, here);
  } else if (family.passed_over) {
    result.grade = db::grade_of_another_launch();
  }
  const bool hit = result.row != nullptr;
  result.compared = hit ? result.row : closest(winners, problem, device.id);
  if (result.compared != nullptr) {
    result.differing = differing_fields(problem, device.id, *result.compared, hit);
  }
  result.fallback = core::default_config(problem, device);
  result.fallback_us = predict(problem, result.fallback, device);
  return result;
}

std::string render(const ExplainReport& report, Format format) {
  if (format == Format::kJson) {
    Json json = report_head("deepgemm-db/1", report.command);
    json["database"] = report.database;
    json["explanations"] = Json::array();
    for (const auto& each : report.explanations) {
      Json entry = {{"shape", problem_json(each.problem)},
                    {"device_id", each.device_id},
                    {"match", core::name(each.lookup.match)},
                    {"reason", each.lookup.reason},
                    {"row", nullptr},
                    {"staleness", nullptr},
                    {"staleness_reason", each.grade.reason},
                    {"compared_with", nullptr},
                    {"differing", each.differing},
                    {"default_config", config_json(each.fallback)},
                    {"default_predicted_us", time_json(each.fallback_us)}};
      if (each.compared != nullptr) {
        entry["compared_with"] = {{"shape", problem_json(each.compared->winner.problem)},
                                  {"device_id", each.compared->environment.device_id}};
      }
      if (each.row != nullptr) {
        entry["row"] = {{"shape", problem_json(each.row->winner.problem)},
                        {"rows", rows_json(each.row->winner)},
                        {"winner", winner_json(each.row->winner)},
                        {"environment", environment_json(each.row->environment)}};
      }
      if (has_grade(each)) entry["staleness"] = core::name(each.grade.staleness);
      json["explanations"].push_back(std::move(entry));
    }
    return dump(json);
  }
  if (format == Format::kTable) {
    std::string text;
    for (const auto& each : report.explanations) text += (text.empty() ? "" : "\n") + text_of(each);
    return text;
  }
  Table table({{"", "m"},
               {"", "n"},
               {"", "k"},
               kOperationColumn,
               kGroupsColumn,
               kAlignmentColumn,
               {"", "device_id"},
               {"", "match"},
               {"", "row"},
               {"", "config"},
               {"", "time_us"},
               {"", "staleness"},
               {"", "default_config"},
               {"", "reason"},
               {"", "differing"},
               {"", "default_predicted_us"}});
  for (const auto& each : report.explanations) {
    const bool hit = each.row != nullptr;
    table.add_row(
        {cell(each.problem.m), cell(each.problem.n), cell(each.problem.k),
         operation_cell(each.problem), groups_cell(each.problem), alignment_cell(each.problem),
         cell(each.device_id), cell(std::string(core::name(each.lookup.match))),
         cell(hit ? core::to_string(each.row->winner.problem) : ""),
         cell(hit ? core::to_string(each.row->winner.config) : ""),
         time_cell(hit ? each.row->winner.median_us : 0),
         cell(has_grade(each) ? std::string(core::name(each.grade.staleness)) : ""),
         cell(core::to_string(each.fallback)), cell(each.lookup.reason),
         cell(fmt::format("{}", fmt::join(each.differing, "; "))), time_cell(each.fallback_us)});
  }
  return table.csv();
}

}  // namespace deepgemm::app
