// Values of core read back from JSON that app/json_report.h wrote. Each throws
// nlohmann::json::exception where a field is missing or of another kind, std::runtime_error with a
// clause where it names what this version does not know.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "core/group_rows.h"
#include "core/trial.h"

namespace deepgemm::app {

core::GemmProblem read_problem(const nlohmann::json& json);
// What rows_json wrote into a line of a benchmark.
core::GroupDraw read_rows(const core::GemmProblem& problem, const nlohmann::json& line);
// Fields that an older version did not have get their defaults; those of a newer one are left out.
core::GemmConfig read_config(const nlohmann::json& json);
core::DeviceInfo read_device(const nlohmann::json& json);
core::Environment read_environment(const nlohmann::json& json);
core::Verification read_verification(const nlohmann::json& json);
// Median, spread and interval are computed from the samples.
core::Measurement read_measurement(const nlohmann::json& json);

}  // namespace deepgemm::app
