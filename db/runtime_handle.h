// What a deepgemm_runtime of the C ABI is.
#pragma once

#include <cstdlib>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "core/home_context.h"
#include "db/runtime.h"
#include "db/trace.h"

struct deepgemm_runtime {
  // Kernels are loaded into `place`; without one, into the context of the thread that asks.
  deepgemm_runtime(std::vector<deepgemm::db::Catalog> layers,
                   const deepgemm::core::DeviceInfo& device,
                   const deepgemm::core::Environment& here, deepgemm::db::Runtime::Compile compile,
                   std::unique_ptr<deepgemm::core::HomeContext> place)
      : home(std::move(place)),
        runtime(std::move(layers), device, here, std::move(compile), home.get()) {}

  // Declared first, so that kernels are unloaded before their context goes.
  std::unique_ptr<deepgemm::core::HomeContext> home;
  deepgemm::db::Runtime runtime;
  deepgemm::db::Trace* trace = deepgemm::db::process_trace();
  bool checks_rows = wants_checks();

 private:
  static bool wants_checks() {
    const char* const value = std::getenv("DEEPGEMM_CHECK");
    return value != nullptr && std::string_view(value) == "1";
  }
};
