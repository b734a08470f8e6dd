#include "kernels/wgmma.h"

namespace deepgemm::kernels {

std::string wgmma_source(int block_n) {
  const int registers = block_n / 2;
  std::string names;
  std::string operands;
  for (int i = 0; i < registers; ++i) {
    const std::string separator = i == 0 ? "" : ", ";
    names += separator + "%" + std::to_string(i);
    operands += separator + "\"+f\"(d[" + std::to_string(i) + "])";
  }
  const std::string width = std::to_string(block_n);
  const auto operand = [&](int i) { return "%" + std::to_string(registers + i); };
  return "#pragma once\n"
         "#include \"kernels/ptx.cuh\"\n"
         "namespace deepgemm::kernels {\n"
         "__device__ __forceinline__ void wgmma(float (&d)[" +
         std::to_string(registers) +
         "], uint32 a, uint32 b, bool accumulate) {\n"
         "  asm volatile(\"{ .reg .pred p; .reg .b64 da, db; setp.ne.b32 p, " +
         operand(2) + ", 0; mov.b64 da, {" + operand(0) + ", " + operand(3) + "}; mov.b64 db, {" +
         operand(1) + ", " + operand(3) + "}; wgmma.mma_async.sync.aligned.m64n" + width +
         "k32.f32.e4m3.e4m3 {" + names +
         "}, da, db, p, 1, 1; }\"\n"
         "      : " +
         operands +
         "\n"
         "      : \"r\"(a), \"r\"(b), \"r\"(static_cast<int>(accumulate)),\n"
         "        \"n\"(ptx::kWgmmaDescriptorHigh));\n"
         "}\n"
         "}  // namespace deepgemm::kernels\n";
}

}  // namespace deepgemm::kernels
