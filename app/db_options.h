// deepgemm-db's command line.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/command_line.h"

namespace deepgemm::app {

enum class DbAction { kList, kShow };

struct DbArguments {
  DbAction action = DbAction::kList;
  CommonArguments common;
  std::vector<std::string> shapes;  // of show
};

// nullopt: help or version was asked for and has been printed. Throws UsageError.
std::optional<DbArguments> parse_db_arguments(int argc, const char* const* argv);

}  // namespace deepgemm::app
