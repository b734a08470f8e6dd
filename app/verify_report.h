// What verifying found, as table, csv and json.
#pragma once

#include <string>
#include <vector>

#include "app/db_measure.h"
#include "app/output.h"
#include "autotune/recheck.h"
#include "core/staleness.h"
#include "db/tuning_db.h"

namespace deepgemm::app {

// One row of the database, and what became of it here.
struct VerifyLine {
  db::WinnerRow row;
  autotune::Recheck recheck;
  core::StalenessGrade grade;  // before it was measured again
};

struct VerifyReport : MeasuredRun {
  std::string database;
  std::vector<VerifyLine> lines;
};

int count(const VerifyReport& report, autotune::RowVerdict verdict);
std::string render(const VerifyReport& report, Format format);

}  // namespace deepgemm::app
