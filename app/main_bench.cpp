#include "app/bench_command.h"
#include "app/compare_command.h"
#include "app/show_command.h"

int main(int argc, char** argv) {
  using namespace deepgemm::app;
  if (asks_for_comparison(argc, argv)) return compare_main(argc, argv);
  if (asks_for_show(argc, argv)) return show_main(argc, argv);
  return bench_main(argc, argv, real_hardware());
}
