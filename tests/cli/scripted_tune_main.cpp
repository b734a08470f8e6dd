// deepgemm-tune on a scripted machine.
#include "app/tune_command.h"
#include "tests/cli/scripted_hardware.h"

int main(int argc, char** argv) {
  using namespace deepgemm::app;
  return scripted::finish(tune_main(argc, argv, scripted::scripted_hardware()));
}
