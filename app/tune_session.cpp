#include "app/tune_session.h"

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

// Runs candidates in a worker process, which is started when it is first needed: a rerun with
// nothing to do opens no GPU.
std::unique_ptr<autotune::Executor> isolated_executor(const autotune::GpuIdentity& identity,
                                                      int ordinal, spdlog::logger& log,
                                                      const std::atomic<bool>& stop) {
  const auto on_loss = [&log](const std::string& detail) {
    log.debug("worker process lost: {}; the next one starts", detail);
  };
  return autotune::make_worker_executor(identity, {ordinal, {}, on_loss, &stop});
}

}  // namespace

core::DeviceInfo find_device(const TuneRequest& request, const Hardware& hardware) {
  if (request.profile) return *request.profile;
  return with_alternative([&] { return hardware.read_device(request.gpu); });
}

TuneSession open_session(const TuneRequest& request, const Hardware& hardware, spdlog::logger& log,
                         const std::atomic<bool>& stop) {
  TuneSession session;
  session.device = find_device(request, hardware);
  require_fit(request.problems, session.device);
  session.builder = hardware.make_builder(request.cache_folder);
  session.pool = std::make_unique<core::CompilePool>(*session.builder.kernels, request.jobs);
  session.database = std::make_unique<db::TuningDb>(request.database, db::OpenMode::kTune);
  if (request.profile) {
    session.environment = profile_environment(session.device, session.builder.nvrtc_version);
    return session;
  }
  // Last, because it may take memory on a GPU that others may be using.
  session.executor = with_alternative([&] {
    const core::Environment base = base_environment(session.builder.nvrtc_version);
    if (!request.isolated) return hardware.open_gpu(request.gpu, base);
    return isolated_executor(hardware.identify_gpu(request.gpu, base), request.gpu, log, stop);
  });
  session.device = session.executor->device();
  session.environment = session.executor->environment();
  return session;
}

}  // namespace deepgemm::app
