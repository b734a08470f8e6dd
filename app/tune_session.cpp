#include "app/tune_session.h"

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

}  // namespace

core::DeviceInfo find_device(const TuneRequest& request, const Hardware& hardware) {
  if (request.profile) return *request.profile;
  return with_alternative([&] { return hardware.read_device(request.gpu); });
}

TuneSession open_session(const TuneRequest& request, const Hardware& hardware) {
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
  // Last, because it takes memory on a GPU that others may be using.
  session.executor = with_alternative([&] {
    return hardware.open_gpu(request.gpu, base_environment(session.builder.nvrtc_version));
  });
  session.device = session.executor->device();
  session.environment = session.executor->environment();
  return session;
}

}  // namespace deepgemm::app
