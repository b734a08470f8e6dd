// Builds kernels with NVRTC, through an on-disk cache of cubins.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/kernel_builder.h"

namespace deepgemm::core {

// Everything that reaches the compiler beside the sources; all of it is in the key.
struct CompileOptions {
  std::string architecture = "sm_90a";
  bool line_info = false;  // for ncu's source view

  std::vector<std::string> arguments() const;  // as NVRTC takes them
};

// $XDG_CACHE_HOME/deepgemm, else ~/.cache/deepgemm.
std::filesystem::path default_cache_folder();

// SHA-256 of the embedded device sources and of what is done to the compiled kernel.
std::string sources_hash();

class JitBuilder final : public KernelBuilder {
 public:
  // Opens NVRTC. An empty cache folder means no cache. Throws EnvironmentError, with the next
  // step, where NVRTC is missing or too old, or the cache folder is not private to this user.
  explicit JitBuilder(const std::filesystem::path& cache_folder,
                      const CompileOptions& options = {});
  ~JitBuilder() override;

  std::string key(const GemmConfig& config) const override;
  BuildResult build(const GemmConfig& config) override;

  std::string nvrtc_version() const;  // "13.0"

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace deepgemm::core
