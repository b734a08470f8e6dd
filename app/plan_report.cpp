#include "app/plan_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/figures.h"
#include "app/json_report.h"
#include "app/shape_columns.h"
#include "app/table.h"

namespace deepgemm::app {

namespace {

Cell exact(double value) { return {fmt::format("{:.2f}", value), fmt::format("{:.4f}", value)}; }

Table ranking_table() {
  return Table({{"", "m"},
                {"", "n"},
                {"", "k"},
                kOperationColumn,
                kGroupsColumn,
                kAlignmentColumn,
                {"rank", "rank"},
                {"config", "config_short", Align::kLeft},
                {"", "config", Align::kLeft},
                {"predicted µs", "predicted_us"},
                {"launch", "launch_us"},
                {"memory", "memory_us"},
                {"L2", "l2_us"},
                {"math", "math_us"},
                {"epilogue", "epilogue_us"},
                {"tiles", "tiles"},
                {"blocks", "blocks"},
                {"waves", "waves"},
                {"full", "occupancy"}});
}

void add_ranking(Table& table, const DryRunReport::Shape& shape) {
  int rank = 0;
  for (const auto& [config, prediction] : shape.plan.top) {
    table.add_row({cell(shape.problem.m), cell(shape.problem.n), cell(shape.problem.k),
                   operation_cell(shape.problem), groups_cell(shape.problem),
                   alignment_cell(shape.problem), cell(++rank), cell(core::short_name(config)),
                   cell(core::to_string(config)), exact(prediction.total_us),
                   exact(prediction.launch_us), exact(prediction.memory_us),
                   exact(prediction.l2_us), exact(prediction.math_us),
                   exact(prediction.epilogue_us), cell(prediction.tiles), cell(prediction.blocks),
                   cell(prediction.waves), percent_cell(prediction.occupancy)});
  }
}

std::string shape_text(const DryRunReport::Shape& shape, const core::DeviceInfo& device) {
  const PlanSummary& plan = shape.plan;
  Table rules({{"rule", "rule", Align::kLeft},
               {"removed", "removed"},
               {"because it", "reason", Align::kLeft}});
  for (const auto& rule : plan.rules) {
    rules.add_row({cell(rule.rule), cell(rule.rejected), cell(rule.reason)});
  }
  Table ranking = ranking_table();
  add_ranking(ranking, shape);
  std::string text =
      fmt::format("{} on {}{}: {} configs, {} removed, {} ranked\n\n{}", to_string(shape.problem),
                  device.id, device.is_profile ? " (profile)" : "", plan.enumerated,
                  plan.enumerated - plan.ranked, plan.ranked, rules.text());
  if (plan.ranked > 0) text += "\n" + ranking.text();
  return text;
}

std::string dry_run_json(const DryRunReport& report) {
  Json json = report_head("deepgemm-tune-plan/1", report.command);
  json["device"] = device_json(report.device);
  json["shapes"] = Json::array();
  for (const auto& shape : report.shapes) {
    Json entry = {{"shape", problem_json(shape.problem)}, {"plan", plan_json(shape.plan)}};
    entry["ranking"] = Json::array();
    for (const auto& candidate : shape.plan.top) {
      entry["ranking"].push_back({{"config", config_json(candidate.config)},
                                  {"prediction", prediction_json(candidate.prediction)}});
    }
    json["shapes"].push_back(std::move(entry));
  }
  return dump(json);
}

}  // namespace

PlanSummary summarise(const autotune::Plan& plan) {
  PlanSummary summary;
  summary.enumerated = plan.enumerated;
  summary.ranked = static_cast<long long>(plan.ranked.size());
  for (const auto& [rule, count] : plan.rejected) {
    summary.rules.push_back({std::string(rule->name), std::string(rule->reason), count});
  }
  const auto shown = std::min(plan.ranked.size(), kRankingShown);
  summary.top.assign(plan.ranked.begin(), plan.ranked.begin() + static_cast<std::ptrdiff_t>(shown));
  return summary;
}

Json plan_json(const PlanSummary& plan) {
  Json rejected = Json::object();
  for (const auto& rule : plan.rules) rejected[rule.rule] = rule.rejected;
  return {{"enumerated", plan.enumerated}, {"rejected", rejected}, {"ranked", plan.ranked}};
}

std::string render(const DryRunReport& report, Format format) {
  if (format == Format::kJson) return dry_run_json(report);
  if (format == Format::kCsv) {
    Table table = ranking_table();
    for (const auto& shape : report.shapes) add_ranking(table, shape);
    return table.csv();
  }
  std::string text;
  for (const auto& shape : report.shapes) {
    if (!text.empty()) text += "\n";
    text += shape_text(shape, report.device);
  }
  return text;
}

}  // namespace deepgemm::app
