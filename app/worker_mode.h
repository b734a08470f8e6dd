// The commands that run kernels serve as their own worker processes.
#pragma once

#include "app/hardware.h"

namespace deepgemm::app {

// Whether a command line is that of a worker (autotune/worker_process.h), which no user types.
bool is_worker(int argc, const char* const* argv);
// Serves until the process that started it goes away; the exit code.
int serve_as_worker(const Hardware& hardware);

}  // namespace deepgemm::app
