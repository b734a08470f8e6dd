// What verifying found, as table, csv and json.
#pragma once

#include <string>
#include <vector>

#include "app/output.h"
#include "autotune/recheck.h"
#include "db/tuning_db.h"

namespace deepgemm::app {

// One row of the database, and what became of it here.
struct VerifyLine {
  db::WinnerRow row;
  autotune::Recheck recheck;
};

struct VerifyReport {
  std::vector<std::string> command;
  std::string database;
  core::DeviceInfo device;
  core::Environment environment;
  std::string policy;
  bool interrupted = false;
  double seconds = 0;
  std::vector<VerifyLine> lines;
};

int count(const VerifyReport& report, autotune::RowVerdict verdict);
std::string render(const VerifyReport& report, Format format);

}  // namespace deepgemm::app
