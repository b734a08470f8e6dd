// Logs go to stderr, between the redraws of the live line.
#pragma once

#include <spdlog/logger.h>

#include <memory>

#include "app/terminal.h"

namespace deepgemm::app {

enum class Verbosity { kQuiet, kNormal, kVerbose };

// A logger that writes "warning: …" through `terminal`, which must outlive it. kQuiet shows errors
// only, kVerbose adds debug.
std::shared_ptr<spdlog::logger> make_logger(Terminal& terminal, Verbosity verbosity);

}  // namespace deepgemm::app
