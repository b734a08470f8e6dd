// A server that is killed: libdeepgemm as a user has it, on a CUDA driver that is a script.
//   traced_server BUNDLE: a burst of six shapes, then the first one for ever
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
  if (count != 2) return 2;
  deepgemm::scripted_driver::watch_launches(nullptr);  // links that driver
  deepgemm::Runtime runtime(arguments[1]);
  for (const std::int64_t m : {1, 16, 64, 128, 512, 4096}) serve(runtime, m);
  for (;;) serve(runtime, 1);
}
