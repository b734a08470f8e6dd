// Which column holds which field: one list per struct. Tables are created, rows written and rows
// read from these lists, so the three cannot drift apart. A visitor is called as
// visit("column", field). A column that is added here appears in old files by itself: added with
// the field's default when a tuner opens the file, read as that default by a reader.
#pragma once

#include <string>

#include "core/store.h"

namespace deepgemm::db {

template <class Problem, class Visit>
void visit_problem(Problem& problem, Visit&& visit) {
  visit("operation", problem.operation);
  visit("m", problem.m);
  visit("n", problem.n);
  visit("k", problem.k);
  visit("groups", problem.groups);
  visit("recipe", problem.recipe);
  visit("output", problem.output);
  visit("alignment", problem.alignment);
}

template <class Config, class Visit>
void visit_config(const std::string& prefix, Config& config, Visit&& visit) {
  for (const core::ConfigField& field : core::kConfigFields) {
    visit(prefix + std::string(field.name), config.*field.member);
  }
}

template <class Build, class Visit>
void visit_build(Build& build, Visit&& visit) {
  visit("registers", build.registers);
  visit("spill_bytes", build.spill_bytes);
  visit("shared_bytes", build.shared_bytes);
  visit("compile_seconds", build.compile_seconds);
}

template <class Verification, class Visit>
void visit_verification(Verification& verification, Visit&& visit) {
  visit("reference", verification.reference);
  visit("relative_error", verification.relative_error);
  visit("max_error", verification.max_error);
  visit("relative_error_f64", verification.relative_error_f64);
  visit("reference_error_f64", verification.reference_error_f64);
  visit("unwritten", verification.unwritten);
  visit("canaries_touched", verification.canaries_touched);
  visit("repeatable", verification.repeatable);
  visit("bits_hash", verification.bits_hash);
}

template <class Measurement, class Visit>
void visit_measurement(Measurement& measurement, Visit&& visit) {
  visit("samples_us", measurement.samples_us);
  visit("median_us", measurement.median_us);
  visit("spread_us", measurement.spread_us);
  visit("ci_low_us", measurement.ci_low_us);
  visit("ci_high_us", measurement.ci_high_us);
  visit("sm_clock_mhz", measurement.sm_clock_mhz);
  visit("rejected_samples", measurement.rejected_samples);
}

// One overload of visit_columns per table; T is const where rows are written.
template <class T, class U>
concept Is = std::same_as<std::remove_const_t<T>, U>;

template <Is<core::Environment> Environment, class Visit>
void visit_columns(Environment& environment, Visit&& visit) {
  visit("device_id", environment.device_id);
  visit("device_name", environment.device_name);
  visit("device_uuid", environment.device_uuid);
  visit("sms", environment.sms);
  visit("driver", environment.driver);
  visit("nvrtc", environment.nvrtc);
  visit("library_version", environment.library_version);
  visit("cublaslt", environment.cublaslt);
  visit("sources_hash", environment.sources_hash);
  for (const core::ClockLimit& limit : core::kClockLimits) {
    visit(std::string(limit.name), environment.*limit.member);
  }
}

template <Is<core::Trial> Trial, class Visit>
void visit_columns(Trial& trial, Visit&& visit) {
  visit_problem(trial.problem, visit);
  visit("contender", trial.contender);
  visit_config("config_", trial.config, visit);
  visit("kernel_key", trial.kernel_key);
  visit("outcome", trial.outcome);
  visit("detail", trial.detail);
  visit("predicted_us", trial.predicted_us);
  visit_build(trial.build, visit);
  visit_verification(trial.verification, visit);
  visit_measurement(trial.measurement, visit);
  visit("policy", trial.policy);
}

template <Is<core::Winner> Winner, class Visit>
void visit_columns(Winner& winner, Visit&& visit) {
  visit_problem(winner.problem, visit);
  visit_config("config_", winner.config, visit);
  visit("kernel_key", winner.kernel_key);
  visit("measured", winner.measured);
  visit("median_us", winner.median_us);
  visit("spread_us", winner.spread_us);
  visit_config("default_config_", winner.default_config, visit);
  visit("default_us", winner.default_us);
  visit("cublaslt_block_us", winner.cublaslt_block_us);
  visit("cublaslt_tensorwide_us", winner.cublaslt_tensorwide_us);
  visit("reason", winner.reason);
  visit("trials", winner.trials);
  visit("ranked_at_memory", winner.ranked_at.memory);
  visit("ranked_at_math", winner.ranked_at.math);
  visit("samples", winner.samples);
  visit("ci_low_us", winner.ci_low_us);
  visit("ci_high_us", winner.ci_high_us);
  visit("sm_clock_mhz", winner.sm_clock_mhz);
  visit_config("runner_up_config_", winner.runner_up_config, visit);
  visit("runner_up_us", winner.runner_up_us);
  visit("margin_low", winner.margin_low);
  visit("margin_high", winner.margin_high);
  visit("cublaslt_margin_low", winner.cublaslt_margin_low);
  visit("cublaslt_margin_high", winner.cublaslt_margin_high);
  visit("rows", winner.rows);
  visit("asked", winner.asked);
}

template <Is<core::Calibration> Calibration, class Visit>
void visit_columns(Calibration& calibration, Visit&& visit) {
  visit("memory", calibration.memory);
  visit("math", calibration.math);
  visit("problems", calibration.problems);
}

template <Is<core::Cubin> Cubin, class Visit>
void visit_columns(Cubin& cubin, Visit&& visit) {
  visit("key", cubin.key);
  visit("entry", cubin.entry);
  visit_config("config_", cubin.config, visit);
  visit("image", cubin.image);
  visit_build(cubin.build, visit);
}

}  // namespace deepgemm::db
