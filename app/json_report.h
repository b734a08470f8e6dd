// The values of core and autotune as JSON. Field names are a contract: app/help/json.txt.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "autotune/search_space.h"
#include "core/group_rows.h"
#include "core/trial.h"

namespace deepgemm::app {

using Json = nlohmann::ordered_json;

// "2026-11-23T03:12:45Z"
std::string now_utc();

// The fields every report starts with. `schema` is e.g. "deepgemm-tune/1"; `written_at` empty: not
// known.
Json report_head(std::string_view schema, const std::vector<std::string>& command,
                 std::string_view written_at = now_utc());

Json problem_json(const core::GemmProblem& problem);
// The rows that a grouped problem was measured with; null for a dense one.
Json rows_json(const core::GemmProblem& problem, const core::GroupDraw& draw);
// Those of a winner; null also where a newer deepgemm drew them.
Json rows_json(const core::Winner& winner);
Json config_json(const core::GemmConfig& config);
Json device_json(const core::DeviceInfo& device);
Json environment_json(const core::Environment& environment);
Json verification_json(const core::Verification& verification);
Json measurement_json(const core::Measurement& measurement);
Json prediction_json(const autotune::Prediction& prediction);
Json trial_json(const core::Trial& trial);
Json winner_json(const core::Winner& winner);

// null where the time is not known.
Json time_json(double time_us);

// Indented text with a line end; bytes that are no UTF-8 are replaced, never an error.
std::string dump(const Json& json);

}  // namespace deepgemm::app
