#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "app/bench_report.h"
#include "app/figures.h"
#include "app/json_report.h"

namespace deepgemm::app {

namespace {

using core::Contender;

Json entry_json(const autotune::BenchmarkEntry& entry) {
  const bool checked = !entry.check.verification.reference.empty();
  const bool timed = !entry.measurement.samples_us.empty();
  return {{"contender", core::name(entry.contender)},
          {"config", entry.config ? config_json(*entry.config) : Json()},
          {"kernel_key", entry.config ? Json(entry.kernel_key) : Json()},
          {"failure", entry.failure},
          {"outcome", core::name(entry.check.outcome)},
          {"detail", entry.check.detail},
          {"verification", checked ? verification_json(entry.check.verification) : Json()},
          {"measurement", timed ? measurement_json(entry.measurement) : Json()}};
}

Json line_json(const BenchReport& report, const BenchLine& line) {
  const double time_us = time_of(line.row, Contender::kCandidate);
  const std::string wrong = fault(line);
  Json json = {{"shape", problem_json(line.row.problem)},
               {"match", line.choice.match},
               {"reason", line.choice.reason},
               {"config", config_json(line.choice.config)},
               {"status", wrong.empty() ? "ok" : wrong},
               {"reference", line.row.reference},
               {"reference_note", line.row.reference_note},
               {"time_us", time_json(time_us)},
               {"tflops", tflops(line.row.problem, time_us)},
               {"gbps", gigabytes_per_second(line.row.problem, time_us)},
               {"limit_us", time_json(limit_us(report, line))},
               {"share_of_limit", time_json(share_of_limit(report, line))}};
  for (const auto& opponent : kOpponents) {
    json[fmt::format("over_{}", opponent.key)] =
        time_json(ratio_to_ours(line.row, opponent.contender));
  }
  json["entries"] = Json::array();
  for (const auto& entry : line.row.entries) json["entries"].push_back(entry_json(entry));
  return json;
}

}  // namespace

std::string render_json(const BenchReport& report) {
  Json json = report_head("deepgemm-bench/1", report.command);
  json["database"] = report.database.empty() ? Json() : Json(report.database);
  json["device"] = device_json(report.device);
  json["environment"] = environment_json(report.environment);
  json["policy"] = report.policy;
  json["rounds"] = report.rounds;
  json["tensor_tflops"] = time_json(report.tensor_tflops);
  json["interrupted"] = report.interrupted;
  json["shapes"] = Json::array();
  for (const auto& line : report.lines) json["shapes"].push_back(line_json(report, line));
  json["geometric_means"] = Json::array();
  for (const std::int64_t min_m : {std::int64_t{1}, kPrefillM}) {
    Json means = {{"min_m", min_m}};
    for (const auto& opponent : kOpponents) {
      const MeanRatio mean = mean_ratio(report.lines, opponent.contender, min_m);
      means[fmt::format("over_{}", opponent.key)] = time_json(mean.value);
      means[fmt::format("{}_shapes", opponent.key)] = mean.shapes;
    }
    json["geometric_means"].push_back(std::move(means));
  }
  return dump(json);
}

}  // namespace deepgemm::app
