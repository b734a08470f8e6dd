// Tunes a list of shapes on every GPU of a session.
#pragma once

#include <atomic>

#include "app/tune_report.h"
#include "app/tune_session.h"

namespace deepgemm::app {

// Each GPU takes the next shape when it is done with one, first of those that it has begun or
// answered in an earlier call. One thread writes at a time. Fills report.shapes in the order asked
// for, with what was finished at whatever point this is left; sets report.interrupted on Ctrl-C. A
// GPU that fails leaves its shapes to the others; when these are done, its exception is thrown,
// with its number where there are several. `start`: of the call, from which the budget counts.
void tune_shapes(const TuneRequest& request, TuneSession& session, Terminal& terminal,
                 spdlog::logger& log, autotune::Deadline::Clock::time_point start,
                 const std::atomic<bool>& stop, TuneReport& report);

}  // namespace deepgemm::app
