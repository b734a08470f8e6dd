#include "app/json_reader.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "autotune/statistics.h"

namespace deepgemm::app {

using Json = nlohmann::json;

namespace {

std::string text(const Json& json, const char* field) { return json.at(field).get<std::string>(); }

}  // namespace

core::GemmProblem read_problem(const Json& json) {
  const auto operation = core::operation_named(text(json, "op"));
  if (!operation) throw std::runtime_error("it has an operation that this version does not know");
  core::GemmProblem problem{.operation = *operation};
  problem.groups = json.at("groups").get<int>();
  problem.alignment = json.value("alignment", 1);
  problem.m = json.at("m").get<std::int64_t>();
  problem.n = json.at("n").get<std::int64_t>();
  problem.k = json.at("k").get<std::int64_t>();
  if (json.at("scales") != core::name(problem.recipe) ||
      json.at("output") != core::name(problem.output)) {
    throw std::runtime_error("it has scales or an output that this version does not know");
  }
  if (const auto why = core::why_illegal(problem)) throw std::runtime_error(*why);
  return problem;
}

core::GroupDraw read_rows(const core::GemmProblem& problem, const Json& line) {
  core::GroupDraw draw;
  if (problem.operation == core::Operation::kDense || !line.contains("rows")) return draw;
  const Json& rows = line["rows"];
  if (const auto skew = core::skew_named(text(rows, "draw"))) {
    draw.skew = *skew;
  } else {
    rows.at("of_groups").get_to(draw.rows);
  }
  if (!rows.at("max_m").is_null()) rows["max_m"].get_to(draw.max_m);
  if (const auto why = core::why_illegal(problem, draw)) throw std::runtime_error(*why);
  return draw;
}

core::GemmConfig read_config(const Json& json) {
  core::GemmConfig config;
  for (const auto& field : core::kConfigFields) {
    config.*field.member = json.value(std::string(field.name), field.default_value);
  }
  return config;
}

core::DeviceInfo read_device(const Json& json) {
  core::DeviceInfo device;
  device.id = text(json, "id");
  device.name = text(json, "name");
  device.is_profile = json.at("profile").get<bool>();
  json.at("sms").get_to(device.sms);
  json.at("shared_bytes_per_block").get_to(device.shared_bytes_per_block);
  json.at("l2_bytes").get_to(device.l2_bytes);
  json.at("memory_bytes").get_to(device.memory_bytes);
  json.at("clock_mhz").get_to(device.clock_mhz);
  json.at("memory_gbps").get_to(device.memory_gbps);
  json.at("tensor_tflops").get_to(device.tensor_tflops);
  return device;
}

core::Environment read_environment(const Json& json) {
  core::Environment environment{.device_id = text(json, "device_id"),
                                .device_name = text(json, "device_name"),
                                .device_uuid = text(json, "device_uuid"),
                                .sms = json.at("sms").get<int>(),
                                .driver = text(json, "driver"),
                                .nvrtc = text(json, "nvrtc"),
                                .library_version = text(json, "library_version"),
                                .cublaslt = text(json, "cublaslt"),
                                .sources_hash = text(json, "sources_hash")};
  // Reports from before these fields lack them.
  for (const core::ClockLimit& limit : core::kClockLimits) {
    environment.*limit.member = json.value(std::string(limit.name), 0);
  }
  return environment;
}

core::Verification read_verification(const Json& json) {
  core::Verification verification;
  verification.reference = text(json, "reference");
  json.at("relative_error").get_to(verification.relative_error);
  json.at("max_error").get_to(verification.max_error);
  json.at("relative_error_f64").get_to(verification.relative_error_f64);
  json.at("reference_error_f64").get_to(verification.reference_error_f64);
  json.at("unwritten").get_to(verification.unwritten);
  json.at("canaries_touched").get_to(verification.canaries_touched);
  json.at("repeatable").get_to(verification.repeatable);
  try {
    verification.bits_hash = std::stoull(text(json, "bits_hash"), nullptr, 16);
  } catch (const std::logic_error&) {
    throw std::runtime_error("it has a bits_hash that is no hexadecimal number");
  }
  return verification;
}

core::Measurement read_measurement(const Json& json) {
  auto samples_us = json.at("samples_us").get<std::vector<double>>();
  const auto no_time = [](double time_us) { return !std::isfinite(time_us) || time_us <= 0; };
  if (std::ranges::any_of(samples_us, no_time)) {
    throw std::runtime_error("it has a sample that is no time");
  }
  core::Measurement measurement = autotune::summarise(std::move(samples_us));
  json.at("sm_clock_mhz").get_to(measurement.sm_clock_mhz);
  measurement.rejected_samples = json.value("rejected_samples", 0);
  return measurement;
}

}  // namespace deepgemm::app
