// From a config to a cubin.
#pragma once

#include <optional>
#include <string>

#include "core/store.h"

namespace deepgemm::core {

// What a build gave: a cubin, or one sentence why there is none.
struct BuildResult {
  std::optional<Cubin> cubin;
  std::string failure;  // empty on success
  std::string log;      // the compiler's own words
  bool from_cache = false;
};

class KernelBuilder {
 public:
  virtual ~KernelBuilder() = default;
  // Content address of the kernel that build() would give: sources, config, options, NVRTC
  // version and architecture; no path.
  virtual std::string key(const GemmConfig& config) const = 0;
  // Thread-safe. Throws EnvironmentError where nothing can be compiled at all.
  virtual BuildResult build(const GemmConfig& config) = 0;
};

}  // namespace deepgemm::core
