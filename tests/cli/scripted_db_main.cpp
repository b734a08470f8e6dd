// deepgemm-db on a scripted machine.
#include "app/db_command.h"
#include "tests/cli/scripted_hardware.h"

int main(int argc, char** argv) {
  using namespace deepgemm::app;
  return scripted::finish(db_main(argc, argv, scripted::scripted_hardware()));
}
