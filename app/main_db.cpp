#include "app/db_command.h"

int main(int argc, char** argv) {
  return deepgemm::app::db_main(argc, argv, deepgemm::app::real_hardware());
}
