// What a tuning call holds open: device, compiler, database.
#pragma once

#include <spdlog/logger.h>

#include <atomic>
#include <memory>

#include "app/gpu_claim.h"
#include "app/hardware.h"
#include "app/tune_options.h"
#include "core/compile_pool.h"
#include "db/tuning_db.h"

namespace deepgemm::app {

// The profile that was asked for, or the (first) GPU as a plain value. Throws EnvironmentError that
// names
// --device where there is no GPU.
core::DeviceInfo find_device(const TuneRequest& request, const Hardware& hardware);

struct TuneSession {
  core::DeviceInfo device;  // of the first GPU, as is the environment
  core::Environment environment;
  Builder builder;
  std::unique_ptr<core::CompilePool> pool;  // builds through `builder`
  std::unique_ptr<db::TuningDb> database;
  // At least one; several with --gpu all.
  struct Gpu {
    int ordinal = 0;
    core::DeviceInfo device;
    core::Environment environment;
    std::unique_ptr<autotune::Executor> executor;  // null on a profile
    std::unique_ptr<GpuClaim> claim = nullptr;     // likewise
  };
  std::vector<Gpu> gpus;
};

// Throws UsageError (a shape too large for the device, a file that is no database) and
// EnvironmentError (no GPU, no NVRTC, a database that cannot be written or that another tuner
// holds), Interrupted, and OutOfTime where the deadline passes first: a driver that hangs is left
// behind then, at work on `request` and `hardware`, so the process must end at once.
// `log` and `stop` must outlive it.
TuneSession open_session(const TuneRequest& request, const Hardware& hardware, spdlog::logger& log,
                         const std::atomic<bool>& stop, const autotune::Deadline& deadline);

}  // namespace deepgemm::app
