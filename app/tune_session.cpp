#include "app/tune_session.h"

#include <algorithm>

#include "app/left_behind.h"
#include "autotune/worker_executor.h"

namespace deepgemm::app {

namespace {

constexpr const char* kWithoutGpu =
    "To rank and compile without a GPU, add --device h100-sxm5 (h200-sxm5, h800-sxm5 and h20 are "
    "known too).";

// Runs `open`, and adds to the next step of its error the way that needs no GPU.
template <typename Open>
auto with_alternative(const Open& open) {
  try {
    return open();
  } catch (const core::EnvironmentError& error) {
    std::string next = error.next_step();
    if (next.find("--device") == std::string::npos) {
      next += next.empty() ? kWithoutGpu : std::string(" ") + kWithoutGpu;
    }
    throw core::EnvironmentError(error.what(), next);
  }
}

// Isolated, candidates run in a worker process, which opens the GPU when it is first needed: a
// rerun with nothing to do opens none. `started`: a worker that is getting ready already, or none;
// the executor takes it over.
std::unique_ptr<autotune::Executor> open_executor(
    const TuneRequest& request, const Hardware& hardware, int ordinal,
    const core::Environment& base, spdlog::logger& log, const std::atomic<bool>& stop,
    const autotune::Deadline& deadline, std::unique_ptr<autotune::WorkerProcess>& started) {
  if (!request.isolated) return hardware.open_gpu(ordinal, base);
  const auto on_loss = [&log](const std::string& detail) {
    log.debug("worker process lost: {}; the next one starts", detail);
  };
  const auto identity = unless_interrupted(
      stop, deadline, [&hardware, ordinal, base] { return hardware.identify_gpu(ordinal, base); });
  return autotune::make_worker_executor(
      identity,
      {.ordinal = ordinal, .started = std::move(started), .on_loss = on_loss, .stop = &stop});
}

std::unique_ptr<GpuClaim> claim(const Hardware& hardware, int ordinal,
                                const core::Environment& environment) {
  if (hardware.claim_prefix.empty()) return nullptr;
  return std::make_unique<GpuClaim>(hardware.claim_prefix + environment.device_uuid,
                                    "GPU " + std::to_string(ordinal));
}

// Ordinals of the GPUs to use. With --gpu all those that are Hopper, of which there must be one.
std::vector<int> gpus_of(const TuneRequest& request, const Hardware& hardware) {
  if (!request.all_gpus) {
    if (request.gpu || !request.local_rank) return {request.gpu.value_or(0)};
    // Where a launcher starts a process per GPU, each takes its own; where it shows each process
    // one GPU only, that.
    return {*request.local_rank % std::max(1, hardware.device_count())};
  }
  constexpr int kHopper = 90;
  std::vector<int> ordinals;
  for (int i = 0; i < hardware.device_count(); ++i) {
    if (hardware.read_device(i).compute_capability == kHopper) ordinals.push_back(i);
  }
  if (ordinals.empty()) ordinals.push_back(0);  // whose error says what it is
  return ordinals;
}

struct Devices {
  core::DeviceInfo first;
  std::vector<int> gpus;  // ordinals; none of a profile
};

Devices find_devices(const TuneRequest& request, const Hardware& hardware) {
  if (request.profile) return {*request.profile, {}};
  return with_alternative([&] {
    const std::vector<int> gpus = gpus_of(request, hardware);
    return Devices{hardware.read_device(gpus.front()), gpus};
  });
}

}  // namespace

core::DeviceInfo find_device(const TuneRequest& request, const Hardware& hardware) {
  return find_devices(request, hardware).first;
}

namespace {

// `worker`: one that is getting ready already, or none.
TuneSession open_beside(std::unique_ptr<autotune::WorkerProcess>& worker,
                        const TuneRequest& request, const Hardware& hardware, spdlog::logger& log,
                        const std::atomic<bool>& stop, const autotune::Deadline& deadline) {
  TuneSession session;
  const Devices devices = unless_interrupted(
      stop, deadline, [&request, &hardware] { return find_devices(request, hardware); });
  session.device = devices.first;
  require_fit(request.problems, request.options.draws, session.device);
  session.builder = hardware.make_builder(request.cache_folder);
  session.pool = std::make_unique<core::CompilePool>(*session.builder.kernels, request.jobs);
  session.database = std::make_unique<db::TuningDb>(request.database, db::OpenMode::kTune);
  const std::string& nvrtc = session.builder.nvrtc_version;
  if (request.profile) {
    session.environment = profile_environment(session.device, nvrtc);
    session.gpus.push_back({0, session.device, session.environment, nullptr});
    return session;
  }
  // Last, because it may take memory on a GPU that others may be using.
  with_alternative([&] {
    for (const int ordinal : devices.gpus) {
      auto executor = open_executor(request, hardware, ordinal, base_environment(nvrtc), log, stop,
                                    deadline, worker);
      const core::DeviceInfo device = executor->device();
      const core::Environment environment = executor->environment();
      session.gpus.push_back({ordinal, device, environment, std::move(executor),
                              claim(hardware, ordinal, environment)});
    }
    return 0;
  });
  session.device = session.gpus.front().device;
  session.environment = session.gpus.front().environment;
  return session;
}

}  // namespace

TuneSession open_session(const TuneRequest& request, const Hardware& hardware, spdlog::logger& log,
                         const std::atomic<bool>& stop, const autotune::Deadline& deadline) {
  // The driver and the libraries take a worker as long as they take this process: both at once.
  std::unique_ptr<autotune::WorkerProcess> worker;
  if (request.isolated && !request.profile) {
    worker = std::make_unique<autotune::WorkerProcess>(autotune::kOwnExecutable);
  }
  try {
    return open_beside(worker, request, hardware, log, stop, deadline);
  } catch (const autotune::Interrupted&) {
    if (worker) worker->kill(true);  // it may hang in the driver, too
    throw;
  } catch (const autotune::OutOfTime&) {
    if (worker) worker->kill(true);
    throw;
  }
}

}  // namespace deepgemm::app
