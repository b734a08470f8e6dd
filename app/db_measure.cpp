#include "app/db_measure.h"

#include <fmt/format.h>

#include "autotune/worker_executor.h"
#include "core/error.h"

namespace deepgemm::app {

std::unique_ptr<autotune::Executor> open_gpu_to_check(const Hardware& hardware, int ordinal,
                                                      spdlog::logger& log,
                                                      const std::atomic<bool>& stop) {
  try {
    // The driver and the libraries take a worker as long as they take this process: both at once.
    auto worker = std::make_unique<autotune::WorkerProcess>(autotune::kOwnExecutable);
    const auto on_loss = [&log](const std::string& detail) {
      log.debug("worker process lost: {}; the next one starts", detail);
    };
    return autotune::make_worker_executor(
        hardware.identify_gpu(ordinal, base_environment("")),
        {.ordinal = ordinal, .started = std::move(worker), .on_loss = on_loss, .stop = &stop});
  } catch (const core::EnvironmentError& error) {
    if (error.next_step().find("--device") == std::string::npos) throw;
    throw core::EnvironmentError(error.what(),
                                 "Run it on the machine that will serve, with an NVIDIA Hopper GPU "
                                 "and its driver; 'deepgemm-db list' reads without one.");
  }
}

void describe(MeasuredRun& run, const autotune::Executor& executor) {
  run.device = executor.device();
  run.environment = executor.environment();
  run.policy = executor.policy();
}

core::GroupDraw draw_of(const core::Winner& winner) {
  if (auto draw = core::draw_of(winner.problem, winner.rows)) return *std::move(draw);
  throw core::UsageError(
      fmt::format("The row of {} was measured with '{}', which this deepgemm cannot draw",
                  core::to_string(winner.problem), winner.rows),
      "Update this deepgemm, or tune the shape again here.");
}

}  // namespace deepgemm::app
