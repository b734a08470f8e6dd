// deepgemm-db verify: do the rows of a bundle or database still hold on this machine's GPU?
#pragma once

#include "app/db_options.h"
#include "app/hardware.h"
#include "app/log.h"

namespace deepgemm::app {

// The GPU, to measure stored kernels on. Throws EnvironmentError, with the next step for a machine
// without one.
std::unique_ptr<autotune::Executor> open_gpu_to_check(const Hardware& hardware, int ordinal);

// The rows that the winner was measured with. Throws UsageError where a newer deepgemm drew them.
core::GroupDraw draw_of(const core::Winner& winner);

// Throws Error (exit code 1) after the report where a row does not hold.
core::ExitCode verify_rows(const DbArguments& arguments, const Hardware& hardware,
                           Terminal& terminal, spdlog::logger& log);

}  // namespace deepgemm::app
