#include <nlohmann/json.hpp>

#include "app/figures.h"
#include "app/json_report.h"
#include "app/tune_report.h"

namespace deepgemm::app {

namespace {

Json shape_json(const ShapeOutcome& shape, const core::DeviceInfo& device) {
  Json json = {{"shape", problem_json(shape.problem)},
               {"rows", rows_json(shape.problem, shape.draw)},
               {"status", name(shape.status)},
               {"why", shape.why},
               {"plan", Json()},
               {"winner", Json()}};
  if (shape.plan.enumerated > 0) json["plan"] = plan_json(shape.plan);
  if (shape.winner) {
    const double time_us = shape.winner->median_us;
    json["winner"] = winner_json(*shape.winner);
    json["winner"]["tflops"] = tflops(shape.problem, time_us, shape.draw);
    json["winner"]["gbps"] = gigabytes_per_second(shape.problem, time_us, shape.draw);
    json["winner"]["share_of_roofline"] =
        share_of_roofline(shape.problem, device, time_us, shape.draw);
  }
  json["budget_ran_out"] = shape.budget_ran_out;
  json["of_twin"] = shape.of_twin;
  json["seconds"] = shape.seconds;
  json["trials"] = Json::array();
  for (const auto& trial : shape.trials) json["trials"].push_back(trial_json(trial));
  return json;
}

}  // namespace

std::string render_json(const TuneReport& report) {
  Json json = report_head("deepgemm-tune/1", report.command);
  json["database"] = report.database;
  const bool opened = !report.device.id.empty();
  json["device"] = opened ? device_json(report.device) : Json();
  json["environment"] = opened ? environment_json(report.environment) : Json();
  json["policy"] = report.policy;
  json["interrupted"] = report.interrupted;
  json["shapes_asked"] = report.shapes_asked;
  json["seconds"] = report.seconds;
  json["shapes"] = Json::array();
  for (const auto& shape : report.shapes) {
    json["shapes"].push_back(shape_json(shape, report.device));
  }
  return dump(json);
}

}  // namespace deepgemm::app
