// deepgemm-bench on a scripted machine.
#include "app/bench_command.h"
#include "tests/cli/scripted_hardware.h"

int main(int argc, char** argv) {
  using namespace deepgemm::app;
  return scripted::finish(bench_main(argc, argv, scripted::scripted_hardware()));
}
