// deepgemm-db diff --measure: the winners of two databases run against each other on this GPU.
#pragma once

#include <spdlog/logger.h>

#include "app/db_options.h"
#include "app/hardware.h"
#include "app/terminal.h"

namespace deepgemm::app {

// Throws EnvironmentError where there is no GPU, and Error where a winner of either turns out to be
// wrong or cannot run, after the report.
core::ExitCode race_databases(const DbArguments& arguments, const Hardware& hardware,
                              Terminal& terminal, spdlog::logger& log);

}  // namespace deepgemm::app
