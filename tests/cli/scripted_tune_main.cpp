// deepgemm-tune on a scripted machine.
#include "app/tune_command.h"
#include "app/worker_mode.h"
#include "tests/cli/scripted_hardware.h"

int main(int argc, char** argv) {
  using namespace deepgemm::app;
  scripted::is_worker() = is_worker(argc, argv);
  return scripted::finish(tune_main(argc, argv, scripted::scripted_hardware()));
}
