#include <nlohmann/json.hpp>

#include "app/figures.h"
#include "app/html_page.h"
#include "app/json_report.h"
#include "app/tune_report.h"

namespace deepgemm::app {

namespace {

// What app/html/tune.js reads of a candidate, in the order of candidate_row. Thousands of them are
// written: names are said once.
constexpr std::string_view kColumns[] = {"contender",    "outcome",     "config",    "key",
                                         "predicted_us", "time_us",     "spread_us", "samples",
                                         "registers",    "spill_bytes", "detail"};

Json candidate_row(const core::Trial& trial) {
  Json config = Json::array();
  for (const auto& field : core::kConfigFields) config.push_back(trial.config.*field.member);
  const core::Measurement& measurement = trial.measurement;
  return {core::name(trial.contender),
          core::name(trial.outcome),
          std::move(config),
          trial.kernel_key,
          time_json(trial.predicted_us),
          time_json(measurement.median_us),
          measurement.spread_us,
          measurement.samples_us.size(),
          trial.build.registers,
          trial.build.spill_bytes,
          trial.detail};
}

}  // namespace

std::string render_html(const TuneReport& report) {
  // The samples of thousands of candidates would fill the page and are in the JSON report.
  Json json = Json::parse(render_json(report));
  json["candidate_columns"] = kColumns;
  json["config_fields"] = Json::array();
  for (const auto& field : core::kConfigFields) json["config_fields"].push_back(field.name);
  for (std::size_t i = 0; i < report.shapes.size(); ++i) {
    Json& shape = json["shapes"][i];
    shape.erase("trials");
    shape["candidates"] = Json::array();
    for (const core::Trial& trial : report.shapes[i].trials) {
      if (is_ours(trial.contender)) shape["candidates"].push_back(candidate_row(trial));
    }
  }
  const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  return render(HtmlPage{.title = "deepgemm-tune",
                         .script = "tune",
                         .json = text,
                         .plain_text = render(report, Format::kTable)});
}

}  // namespace deepgemm::app
