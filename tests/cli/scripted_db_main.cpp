// deepgemm-db on a scripted machine.
#include "app/db_command.h"
#include "app/worker_mode.h"
#include "tests/cli/scripted_hardware.h"

int main(int argc, char** argv) {
  using namespace deepgemm::app;
  scripted::is_worker() = is_worker(argc, argv);
  return scripted::finish(db_main(argc, argv, scripted::scripted_hardware()));
}
