// A server that is killed, or ends without closing its runtime: libdeepgemm as a user has it, on a
// CUDA driver that is a script.
//   traced_server BUNDLE: a burst of six shapes, then the first one for ever
//   traced_server BUNDLE FOLDER: moves to FOLDER, calls the first shape 1000 times, and exits
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

#include "core/include/deepgemm/deepgemm.hpp"
#include "tests/db/scripted_driver/scripted_driver.h"

namespace {

void serve(deepgemm::Runtime& runtime, std::int64_t m) {
  alignas(16) static float memory[4];  // nobody reads it
  const deepgemm_operands operands{memory, memory, memory, memory, memory};
  if (!runtime.gemm({m, 2112, 7168}, operands)) std::exit(1);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2 && count != 3) return 2;
  deepgemm::scripted_driver::watch_launches(nullptr);  // links that driver
  // As an interpreter that ends leaves its objects.
  static deepgemm::Runtime* const runtime = new deepgemm::Runtime(arguments[1]);
  if (count == 3) {
    if (chdir(arguments[2]) != 0) return 2;
    for (int i = 0; i < 1000; ++i) serve(*runtime, 1);
    return 0;
  }
  for (const std::int64_t m : {1, 16, 64, 128, 512, 4096}) serve(*runtime, m);
  for (;;) serve(*runtime, 1);
}
