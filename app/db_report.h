// What is in a database, as table, csv and json.
#pragma once

#include <string>
#include <vector>

#include "app/output.h"
#include "db/tuning_db.h"

namespace deepgemm::app {

struct WinnersReport {
  std::vector<std::string> command;
  std::string database;
  int schema_version = 0;
  std::vector<db::WinnerRow> winners;
  core::Environment here;  // of this machine, as far as it is known: for the staleness of rows
};
std::string render(const WinnersReport& report, Format format);

struct TrialsReport {
  std::vector<std::string> command;
  std::string database;
  int schema_version = 0;
  std::vector<db::TrialRow> trials;
  core::Environment here;
};
std::string render(const TrialsReport& report, Format format);

}  // namespace deepgemm::app
