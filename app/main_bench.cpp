#include "app/bench_command.h"

int main(int argc, char** argv) {
  return deepgemm::app::bench_main(argc, argv, deepgemm::app::real_hardware());
}
