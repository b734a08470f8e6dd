#include "app/hardware.h"

#include "autotune/gpu_executor.h"
#include "autotune/nvml.h"
#include "core/context.h"
#include "core/jit_builder.h"
#include "core/version.h"

namespace deepgemm::app {

Builder make_jit_builder(const std::filesystem::path& cache_folder) {
  auto jit = std::make_unique<core::JitBuilder>(cache_folder);
  std::string version = jit->nvrtc_version();
  return {std::move(jit), std::move(version)};
}

Hardware real_hardware() {
  const auto open_gpu = [](int ordinal, const core::Environment& base) {
    return autotune::open_gpu(ordinal, base);
  };
  return {.device_count = &core::device_count,
          .read_device = &core::read_device,
          .identify_gpu = &autotune::identify_gpu,
          .open_gpu = open_gpu,
          .load_libraries = &autotune::load_gpu_libraries,
          .add_limits = &autotune::add_nvml_limits,
          .make_builder = &make_jit_builder,
          .claim_prefix = "deepgemm-tune on "};
}

core::Environment base_environment(const std::string& nvrtc_version) {
  core::Environment environment;
  environment.nvrtc = nvrtc_version;
  environment.library_version = core::kVersion;
  environment.sources_hash = core::sources_hash();
  return environment;
}

core::Environment profile_environment(const core::DeviceInfo& profile,
                                      const std::string& nvrtc_version) {
  core::Environment environment = base_environment(nvrtc_version);
  core::describe(environment, profile);
  return environment;
}

}  // namespace deepgemm::app
