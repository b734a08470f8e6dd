// deepgemm-db verify: do the rows of a bundle or database still hold on this machine's GPU?
#pragma once

#include "app/db_options.h"
#include "app/hardware.h"
#include "app/log.h"

namespace deepgemm::app {

// Throws Error (exit code 1) after the report where a row does not hold or could not be checked.
core::ExitCode verify_rows(const DbArguments& arguments, const Hardware& hardware,
                           Terminal& terminal, spdlog::logger& log);

}  // namespace deepgemm::app
