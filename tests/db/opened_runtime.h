// A runtime over files, for a GPU that need not be here.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "db/runtime.h"
#include "tests/db/small_bundle.h"

namespace deepgemm::db {

inline core::BuildResult no_compiler(const core::GemmConfig&) {
  throw core::EnvironmentError("NVRTC is missing", "Install it.");
}

inline core::DeviceInfo device_named(const std::string& id) {
  return *core::find_device_profile(id);
}

// Layers by name, the uppermost first, in a runtime for a GPU that need not be here.
class Opened {
 public:
  explicit Opened(const std::vector<std::filesystem::path>& files,
                  const std::string& device = "h100-sxm5",
                  const core::Environment& here = environment_of(),
                  Runtime::Compile compile = no_compiler)
      : runtime_(catalogs(files, here), device_named(device), here, std::move(compile)) {}

  Runtime* operator->() { return &runtime_; }

 private:
  static std::vector<Catalog> catalogs(const std::vector<std::filesystem::path>& files,
                                       const core::Environment& here) {
    std::vector<Catalog> layers;
    for (const auto& file : files) layers.emplace_back(file, here);
    return layers;
  }

  Runtime runtime_;
};

}  // namespace deepgemm::db
