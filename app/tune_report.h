// The result of deepgemm-tune as table, csv and json.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/output.h"
#include "app/plan_report.h"
#include "autotune/tuner.h"

namespace deepgemm::app {

// What became of one shape.
enum class ShapeStatus {
  kTuned,
  kResumed,   // the database already had the answer
  kStands,    // the budget ran out before the stored answer was compared with anything
  kNoWinner,  // no candidate survived
  kSkipped,   // the budget ran out before it
};
std::string_view name(ShapeStatus status);  // "tuned", "resumed", "stands", "no-winner", …

struct ShapeOutcome {
  core::GemmProblem problem;
  core::GroupDraw draw;
  ShapeStatus status = ShapeStatus::kTuned;
  std::string why;  // where there is no winner
  PlanSummary plan;
  std::optional<core::Winner> winner;
  bool budget_ran_out = false;
  bool of_twin = false;  // the answer is of another GPU of the same kind
  std::vector<core::Trial> trials;
  double seconds = 0;
};
ShapeOutcome outcome_of(autotune::TuneResult result);

struct TuneReport {
  std::vector<std::string> command;
  std::string database;
  core::DeviceInfo device;
  core::Environment environment;
  std::string policy;  // how times were taken; empty on a profile
  std::size_t shapes_asked = 0;
  std::vector<ShapeOutcome> shapes;  // finished ones
  bool interrupted = false;
  double seconds = 0;
};

std::string render(const TuneReport& report, Format format);
std::string render_json(const TuneReport& report);  // fields: app/help/json.txt
std::string render_html(const TuneReport& report);

// One line about a finished shape, for progress.
std::string headline(const ShapeOutcome& shape);

}  // namespace deepgemm::app
