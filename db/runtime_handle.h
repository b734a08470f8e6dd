// What a deepgemm_runtime of the C ABI is.
#pragma once

#include <cstdlib>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "core/context.h"
#include "db/runtime.h"
#include "db/trace.h"

struct deepgemm_runtime {
  // `retained` is the device whose primary context this keeps alive, where the opening thread had
  // no context of its own. Throws EnvironmentError where that fails.
  deepgemm_runtime(std::vector<deepgemm::db::Catalog> layers,
                   const deepgemm::core::DeviceInfo& device,
                   const deepgemm::core::Environment& here, deepgemm::db::Runtime::Compile compile,
                   std::optional<int> retained)
      : runtime(std::move(layers), device, here, std::move(compile)) {
    if (retained) context.emplace(*retained);
  }

  // Declared first, so that kernels are unloaded before their context goes.
  std::optional<deepgemm::core::PrimaryContext> context;
  deepgemm::db::Runtime runtime;
  std::shared_ptr<deepgemm::db::Trace> trace = deepgemm::db::process_trace();
  bool checks_rows = wants_checks();

 private:
  static bool wants_checks() {
    const char* const value = std::getenv("DEEPGEMM_CHECK");
    return value != nullptr && std::string_view(value) == "1";
  }
};
