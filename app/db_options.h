// deepgemm-db's command line.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/command_line.h"
#include "db/export.h"
#include "db/tuning_db.h"

namespace deepgemm::app {

enum class DbAction {
  kList,
  kShow,
  kExplain,
  kCoverage,
  kVerify,
  kExport,
  kImport,
  kMerge,
  kDiff,
  kPrune
};

struct DbArguments {
  DbAction action = DbAction::kList;
  CommonArguments common;           // of export, only the database and the verbosity count
  ShapeArguments shapes;            // of show and explain
  std::string device;               // of explain, coverage, verify and export; empty: not said
  int gpu = 0;                      // of verify and diff
  bool measure = false;             // of diff
  std::vector<std::string> traces;  // of coverage
  std::string bundle;               // of export: the file to write
  double max_cost_percent = 3;      // of export
  db::ExportOptions exporting;
  std::vector<std::string> files;  // of import, merge and diff
  db::PruneOptions prune;
};

// nullopt: help or version was asked for and has been printed. Throws UsageError.
std::optional<DbArguments> parse_db_arguments(int argc, const char* const* argv);

}  // namespace deepgemm::app
