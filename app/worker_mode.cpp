#include "app/worker_mode.h"

#include <string_view>

#include "autotune/worker_process.h"
#include "autotune/worker_server.h"
#include "core/error.h"

namespace deepgemm::app {

bool is_worker(int argc, const char* const* argv) {
  return argc == 2 && std::string_view(argv[1]) == autotune::kWorkerArgument;
}

int serve_as_worker(const Hardware& hardware) {
  autotune::serve_worker(hardware.load_libraries, hardware.open_gpu);
  return static_cast<int>(core::ExitCode::kDone);
}

}  // namespace deepgemm::app
