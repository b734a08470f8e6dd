// Which row answers for a problem, by which rule, and what else could.
#pragma once

#include <string>
#include <vector>

#include "app/output.h"
#include "core/device.h"
#include "core/staleness.h"
#include "db/tuning_db.h"

namespace deepgemm::app {

struct Explanation {
  core::GemmProblem problem;
  std::string device_id;
  core::Lookup lookup;
  const db::WinnerRow* row = nullptr;  // the one that answers; null where none does
  core::StalenessGrade grade;          // of that row, or of those that were passed over
  // The row that `differing` compares with: `row`, or of a miss the one that differs in the fewest
  // fields and then the least in size; null where there is none.
  const db::WinnerRow* compared = nullptr;
  // "m: asked 100, tuned 128": what would have to be otherwise for an exact match; of a miss, for a
  // match at all, which asks for no m: a family's rows answer for any.
  std::vector<std::string> differing;
  core::GemmConfig fallback;  // the untuned default of the problem
  double fallback_us = 0;     // as the cost model predicts it; 0 for a kind of GPU without rates
};

// `here` is what is known of the machine that would run it, whose GPU is like `device`. The row
// points into `winners`.
Explanation explain(const std::vector<db::WinnerRow>& winners, const core::GemmProblem& problem,
                    const core::DeviceInfo& device, const core::Environment& here);

struct ExplainReport {
  std::vector<std::string> command;
  std::string database;
  std::vector<Explanation> explanations;
};
std::string render(const ExplainReport& report, Format format);

}  // namespace deepgemm::app
