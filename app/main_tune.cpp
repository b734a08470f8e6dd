#include "app/tune_command.h"

int main(int argc, char** argv) {
  return deepgemm::app::tune_main(argc, argv, deepgemm::app::real_hardware());
}
