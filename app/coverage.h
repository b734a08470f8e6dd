// Which calls of a trace the rows of a database answer, and which rows nobody asks for.
#pragma once

#include <string>
#include <vector>

#include "app/output.h"
#include "app/shape_file.h"
#include "core/staleness.h"
#include "db/tuning_db.h"

namespace deepgemm::app {

struct CoverageLine {
  TracedProblem traced;
  core::Match match = core::Match::kNone;
  const db::WinnerRow* row = nullptr;  // null of a miss
  core::StalenessGrade grade;          // of that row
};

struct CoverageReport {
  std::vector<std::string> command;
  std::string database;
  std::string device_id;
  std::vector<CoverageLine> lines;  // the most frequent first
  std::int64_t unknown = 0;         // calls of shapes that the trace does not tell
  std::vector<const db::WinnerRow*> dead;
};

// On a machine like `here`, whose device_id names the kind of GPU. Dead is what could answer there,
// and for which nobody asks. Lines and dead rows point into `winners`.
CoverageReport cover(const std::vector<db::WinnerRow>& winners, const core::Environment& here,
                     const Trace& trace);

// Calls whose match is `match`, or whose row is of that grade.
std::int64_t calls(const CoverageReport& report, core::Match match);
std::int64_t calls(const CoverageReport& report, core::Staleness staleness);

std::string render(const CoverageReport& report, Format format);

}  // namespace deepgemm::app
