#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/bench_report.h"
#include "app/bench_summary.h"
#include "app/bench_warnings.h"
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
               {"tflops", tflops(line.row.problem, time_us, line.row.draw)},
               {"gbps", gigabytes_per_second(line.row.problem, time_us, line.row.draw)},
               {"limit_us", time_json(limit_us(report, line))},
               {"share_of_limit", time_json(share_of_limit(report, line))}};
  json["rows"] = rows_json(line.row.problem, line.row.draw);
  for (const auto& opponent : kOpponents) {
    json[fmt::format("over_{}", opponent.key)] =
        time_json(ratio_to_ours(line.row, opponent.contender));
  }
  json["inside_noise"] = Json::array();
  for (const auto& opponent : kOpponents) {
    if (inside_noise(line.row, opponent.contender)) {
      json["inside_noise"].push_back(core::name(opponent.contender));
    }
  }
  json["warnings"] = Json::array();
  for (const Warning warning : warnings_of(report, line)) json["warnings"].push_back(name(warning));
  json["gpu_processes"] = line.gpu_processes;
  json["entries"] = Json::array();
  for (const auto& entry : line.row.entries) json["entries"].push_back(entry_json(entry));
  return json;
}

// Each kind that some shape has, with what it means.
Json warnings_json(const BenchReport& report) {
  Json list = Json::array();
  for (const WarningText& text : warning_texts()) {
    Json shapes = Json::array();
    for (const auto& line : report.lines) {
      const auto warnings = warnings_of(report, line);
      if (std::ranges::find(warnings, text.warning) == warnings.end()) continue;
      shapes.push_back(core::to_string(line.row.problem));
    }
    if (shapes.empty()) continue;
    list.push_back({{"kind", text.name}, {"meaning", text.meaning}, {"shapes", shapes}});
  }
  return list;
}

Json class_json(const ClassSummary& summary) {
  Json json = {{"class", summary.shape_class->name},
               {"shapes", summary.shapes},
               {"at_limit", summary.limit_known ? Json(summary.at_limit) : Json()}};
  for (std::size_t i = 0; i < std::size(kOpponents); ++i) {
    json[fmt::format("over_{}", kOpponents[i].key)] = time_json(summary.means[i].value);
  }
  json["worst"] = summary.worst == nullptr ? Json() : problem_json(summary.worst->row.problem);
  return json;
}

}  // namespace

std::string render_json(const BenchReport& report) {
  Json json = report_head("deepgemm-bench/1", report.command, report.written_at);
  json["database"] = report.database.empty() ? Json() : Json(report.database);
  json["device"] = device_json(report.device);
  json["environment"] = environment_json(report.environment);
  json["policy"] = report.policy;
  json["rounds"] = report.rounds;
  json["tensor_tflops"] = time_json(report.tensor_tflops);
  json["interrupted"] = report.interrupted;
  json["shapes"] = Json::array();
  for (const auto& line : report.lines) json["shapes"].push_back(line_json(report, line));
  json["warnings"] = warnings_json(report);
  json["classes"] = Json::array();
  for (const auto& summary : summarise(report)) json["classes"].push_back(class_json(summary));
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
