#include "app/json_report.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cmath>
#include <ctime>
#include <nlohmann/json.hpp>

#include "app/command_line.h"
#include "app/figures.h"
#include "core/version.h"

namespace deepgemm::app {

std::string now_utc() {
  const std::time_t now = std::time(nullptr);
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(now));
}

Json report_head(std::string_view schema, const std::vector<std::string>& command,
                 std::string_view written_at) {
  return {{"schema", schema},
          {"version", core::kVersion},
          {"written_at", written_at.empty() ? Json() : Json(written_at)},
          {"command", command},
          {"command_line", shell_line(command)}};
}

Json problem_json(const core::GemmProblem& problem) {
  return {{"op", core::name(problem.operation)},
          {"groups", problem.groups},
          {"alignment", problem.alignment},
          {"m", problem.m},
          {"n", problem.n},
          {"k", problem.k},
          {"scales", core::name(problem.recipe)},
          {"output", core::name(problem.output)}};
}

Json rows_json(const core::GemmProblem& problem, const core::GroupDraw& draw) {
  if (problem.operation == core::Operation::kDense) return nullptr;
  const bool masked = problem.operation == core::Operation::kGroupedMasked;
  return {{"draw", draw.rows.empty() ? Json(core::name(draw.skew)) : Json("given")},
          {"of_groups", core::rows_of_groups(problem, draw)},
          {"max_m", masked ? Json(core::max_m_of(problem, draw)) : Json()}};
}

Json rows_json(const core::Winner& winner) {
  const auto draw = core::draw_of(winner.problem, winner.rows);
  return draw ? rows_json(winner.problem, *draw) : Json();
}

Json config_json(const core::GemmConfig& config) {
  Json json = Json::object();
  for (const auto& field : core::kConfigFields)
    json[std::string(field.name)] = config.*field.member;
  return json;
}

Json device_json(const core::DeviceInfo& device) {
  return {{"id", device.id},
          {"name", device.name},
          {"profile", device.is_profile},
          {"sms", device.sms},
          {"shared_bytes_per_block", device.shared_bytes_per_block},
          {"l2_bytes", device.l2_bytes},
          {"memory_bytes", device.memory_bytes},
          {"clock_mhz", device.clock_mhz},
          {"memory_gbps", device.memory_gbps},
          {"tensor_tflops", device.tensor_tflops}};
}

Json environment_json(const core::Environment& environment) {
  Json json = {{"device_id", environment.device_id},
               {"device_name", environment.device_name},
               {"device_uuid", environment.device_uuid},
               {"sms", environment.sms},
               {"driver", environment.driver},
               {"nvrtc", environment.nvrtc},
               {"library_version", environment.library_version},
               {"cublaslt", environment.cublaslt},
               {"sources_hash", environment.sources_hash}};
  for (const core::ClockLimit& limit : core::kClockLimits) {
    json[std::string(limit.name)] = environment.*limit.member;
  }
  return json;
}

Json verification_json(const core::Verification& verification) {
  return {{"reference", verification.reference},
          {"relative_error", verification.relative_error},
          {"max_error", verification.max_error},
          {"relative_error_f64", verification.relative_error_f64},
          {"reference_error_f64", verification.reference_error_f64},
          {"unwritten", verification.unwritten},
          {"canaries_touched", verification.canaries_touched},
          {"repeatable", verification.repeatable},
          // 64 bits do not survive a reader that keeps numbers as doubles.
          {"bits_hash", fmt::format("{:016x}", verification.bits_hash)}};
}

Json measurement_json(const core::Measurement& measurement) {
  return {{"median_us", measurement.median_us},
          {"spread_us", measurement.spread_us},
          {"ci_low_us", measurement.ci_low_us},
          {"ci_high_us", measurement.ci_high_us},
          {"samples", measurement.samples_us.size()},
          {"rejected_samples", measurement.rejected_samples},
          {"sm_clock_mhz", measurement.sm_clock_mhz},
          {"samples_us", measurement.samples_us}};
}

Json prediction_json(const autotune::Prediction& prediction) {
  return {{"total_us", prediction.total_us},   {"launch_us", prediction.launch_us},
          {"memory_us", prediction.memory_us}, {"l2_us", prediction.l2_us},
          {"math_us", prediction.math_us},     {"epilogue_us", prediction.epilogue_us},
          {"tiles", prediction.tiles},         {"blocks", prediction.blocks},
          {"waves", prediction.waves},         {"occupancy", prediction.occupancy}};
}

Json trial_json(const core::Trial& trial) {
  const bool ours = is_ours(trial.contender);
  const bool checked = !trial.verification.reference.empty();
  const bool timed = !trial.measurement.samples_us.empty();
  return {{"contender", core::name(trial.contender)},
          {"outcome", core::name(trial.outcome)},
          {"detail", trial.detail},
          {"config", ours ? config_json(trial.config) : Json()},
          {"kernel_key", ours ? Json(trial.kernel_key) : Json()},
          {"predicted_us", time_json(trial.predicted_us)},
          {"registers", trial.build.registers},
          {"spill_bytes", trial.build.spill_bytes},
          {"shared_bytes", trial.build.shared_bytes},
          {"compile_seconds", trial.build.compile_seconds},
          {"verification", checked ? verification_json(trial.verification) : Json()},
          {"measurement", timed ? measurement_json(trial.measurement) : Json()},
          {"policy", trial.policy}};
}

Json winner_json(const core::Winner& winner) {
  return {
      {"config", config_json(winner.config)},
      {"kernel_key", winner.kernel_key},
      {"measured", winner.measured},
      {"time_us", time_json(winner.median_us)},
      {"spread_us", winner.spread_us},
      {"default_config", config_json(winner.default_config)},
      {"default_us", time_json(winner.default_us)},
      {"cublaslt_block_us", time_json(winner.cublaslt_block_us)},
      {"cublaslt_tensorwide_us", time_json(winner.cublaslt_tensorwide_us)},
      {"reason", winner.reason},
      {"trials", winner.trials},
      {"samples", winner.samples},
      {"ci_low_us", time_json(winner.ci_low_us)},
      {"ci_high_us", time_json(winner.ci_high_us)},
      {"sm_clock_mhz", winner.sm_clock_mhz},
      {"runner_up_config", winner.runner_up_us > 0 ? config_json(winner.runner_up_config) : Json()},
      {"runner_up_us", time_json(winner.runner_up_us)},
      {"margin_low", time_json(winner.margin_low)},
      {"margin_high", time_json(winner.margin_high)},
      {"cublaslt_margin_low", time_json(winner.cublaslt_margin_low)},
      {"cublaslt_margin_high", time_json(winner.cublaslt_margin_high)}};
}

Json time_json(double time_us) {
  return std::isfinite(time_us) && time_us > 0 ? Json(time_us) : Json();
}

std::string dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace deepgemm::app
