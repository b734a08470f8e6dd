// What a deepgemm_runtime of the C ABI is.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/context.h"
#include "db/runtime.h"

struct deepgemm_runtime {
  // `retained` is the device whose primary context this keeps alive, where the opening thread had
  // no context of its own. Throws EnvironmentError where that fails.
  deepgemm_runtime(std::unique_ptr<deepgemm::db::TuningDb> database, std::string device_id,
                   std::optional<int> retained)
      : runtime(std::move(database), std::move(device_id)) {
    if (retained) context.emplace(*retained);
  }

  // Declared first, so that kernels are unloaded before their context goes.
  std::optional<deepgemm::core::PrimaryContext> context;
  deepgemm::db::Runtime runtime;
};
