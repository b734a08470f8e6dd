// deepgemm-tune on a scripted machine.
#include "app/tune_command.h"
#include "tests/cli/scripted_hardware.h"

int main(int argc, char** argv) {
  using namespace deepgemm::app;
  scripted::is_worker() = argc == 2 && std::string(argv[1]) == deepgemm::autotune::kWorkerArgument;
  return scripted::finish(tune_main(argc, argv, scripted::scripted_hardware()));
}
