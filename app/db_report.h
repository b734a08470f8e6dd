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
};
std::string render(const WinnersReport& report, Format format);

struct TrialsReport {
  std::vector<std::string> command;
  std::string database;
  int schema_version = 0;
  std::vector<db::TrialRow> trials;
};
std::string render(const TrialsReport& report, Format format);

}  // namespace deepgemm::app
