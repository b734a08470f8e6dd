#include "db/late_compiler.h"

#include <memory>

#include "core/error.h"
#include "core/jit_builder.h"

namespace deepgemm::db {
namespace {

std::shared_ptr<core::JitBuilder> open_builder() {
  try {
    return std::make_shared<core::JitBuilder>(core::default_cache_folder());
  } catch (const core::EnvironmentError&) {
    // Either the cache is the trouble, or this says the same again.
    return std::make_shared<core::JitBuilder>("");
  }
}

}  // namespace

std::function<core::BuildResult(const core::GemmConfig&)> late_compiler() {
  return [builder = std::shared_ptr<core::JitBuilder>()](const core::GemmConfig& config) mutable {
    if (!builder) builder = open_builder();
    return builder->build(config);
  };
}

}  // namespace deepgemm::db
