// deepgemm-tune --probe: what the winners of one n and k cost at each other's m, and between.
#pragma once

#include <atomic>

#include "app/log.h"
#include "app/tune_options.h"
#include "app/tune_session.h"
#include "autotune/interrupt.h"

namespace deepgemm::app {

// For each n and k of the request, races the winners that were tuned in this environment, and the
// untuned defaults, at m from 1 to the largest tuned one, each where it has a chance; each trial is
// stored at once, and what is stored is not repeated. `deadline`: of the budget. Throws
// Interrupted.
void probe_families(const TuneRequest& request, TuneSession& session, Terminal& terminal,
                    spdlog::logger& log, const autotune::Deadline& deadline,
                    const std::atomic<bool>& stop);

}  // namespace deepgemm::app
