#include "kernels/dense_source.h"

namespace deepgemm::kernels {

std::string dense_source(const GemmConfig& config) {
  std::string fields;
#define DEEPGEMM_FIELD(name, value, meaning) \
  fields += "    ." #name " = " + std::to_string(config.name) + ",\n";
  DEEPGEMM_CONFIG_FIELDS(DEEPGEMM_FIELD)
#undef DEEPGEMM_FIELD
  return std::string("#include \"kernels/dense.cuh\"\n") +
         "using namespace deepgemm::kernels;\n"
         "constexpr GemmConfig kConfig{\n" +
         fields +
         "};\n"
         "extern \"C\" __global__ void __launch_bounds__(block_threads(kConfig), 1)\n" +
         kDenseEntry +
         "(const __grid_constant__ DenseMaps<kConfig> maps,\n"
         "    const __grid_constant__ GemmArguments args) {\n"
         "  dense_gemm<kConfig>(maps, args);\n"
         "}\n";
}

}  // namespace deepgemm::kernels
