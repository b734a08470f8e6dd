#include "core/jit_builder.h"

#include <chrono>
#include <cstdlib>
#include <mutex>
#include <optional>

#include "core/compile_log.h"
#include "core/cubin_cache.h"
#include "core/nvrtc.h"
#include "core/sha256.h"
#include "core/yield_schedule.h"
#include "kernels/dense_source.h"
#include "kernels/embedded_sources.h"
#include "kernels/wgmma.h"

namespace deepgemm::core {
namespace {

std::vector<NamedHeader> headers_of(const GemmConfig& config) {
  std::vector<NamedHeader> headers;
  for (const kernels::EmbeddedFile& file : kernels::embedded_sources()) {
    headers.push_back({std::string(file.name), std::string(file.text)});
  }
  headers.push_back({"kernels/wgmma.cuh", kernels::wgmma_source(config.block_n)});
  return headers;
}

// First line of the log that speaks of an error, for the one-sentence failure.
std::string first_error(const std::string& log) {
  std::size_t at = log.find("error");
  if (at == std::string::npos) at = 0;
  const std::size_t line = log.rfind('\n', at);
  const std::size_t start = line == std::string::npos ? 0 : line + 1;
  return log.substr(start, log.find('\n', start) - start);
}

}  // namespace

std::vector<std::string> CompileOptions::arguments() const {
  std::vector<std::string> list{"-arch=" + architecture, "-std=c++20",
                                // config.h's constexpr functions serve the host and the device.
                                "--device-as-default-execution-space", "--ptxas-options=-v"};
  if (line_info) list.push_back("-lineinfo");
  return list;
}

std::filesystem::path default_cache_folder() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache != nullptr && *cache != '\0') return std::filesystem::path(cache) / "deepgemm";
  const char* home = std::getenv("HOME");
  return std::filesystem::path(home != nullptr ? home : ".") / ".cache" / "deepgemm";
}

std::string sources_hash() {
  Sha256 hash;
  for (const kernels::EmbeddedFile& file : kernels::embedded_sources()) {
    hash.update_field(file.name);
    hash.update_field(file.text);
  }
  hash.update_field(kernels::wgmma_source(8));
  hash.update_field(kernels::dense_source({}));
  hash.update_field(kYieldSchedule);
  return hash.hex();
}

struct JitBuilder::State {
  CompileOptions options;
  std::string version;
  std::string common_hash;  // of everything in the key but the config
  std::optional<CubinCache> cache;
};

JitBuilder::JitBuilder(const std::filesystem::path& cache_folder, const CompileOptions& options)
    : state_(std::make_unique<State>()) {
  state_->options = options;
  state_->version = core::nvrtc_version();
  Sha256 hash;
  hash.update_field(sources_hash());
  hash.update_field(state_->version);
  for (const std::string& argument : options.arguments()) hash.update_field(argument);
  state_->common_hash = hash.hex();
  if (!cache_folder.empty()) state_->cache.emplace(cache_folder);
}

JitBuilder::~JitBuilder() = default;

std::string JitBuilder::nvrtc_version() const { return state_->version; }

std::string JitBuilder::key(const GemmConfig& config) const {
  Sha256 hash;
  hash.update_field(state_->common_hash);
  hash.update_field(to_string(config));
  return hash.hex();
}

BuildResult JitBuilder::build(const GemmConfig& config) {
  BuildResult result;
  const std::string address = key(config);
  if (state_->cache) result.cubin = state_->cache->load(address);
  if (result.cubin) {
    result.from_cache = true;
    return result;
  }
  const auto start = std::chrono::steady_clock::now();
  Compilation compilation =
      compile(kernels::dense_source(config), headers_of(config), state_->options.arguments());
  result.log = std::move(compilation.log);
  if (!compilation.ok) {
    result.failure = "NVRTC refused it: " + first_error(result.log);
    return result;
  }
  schedule_yields(compilation.cubin, config);
  Cubin cubin{address, kernels::kDenseEntry, config, std::move(compilation.cubin),
              read_figures(result.log)};
  cubin.build.shared_bytes = static_cast<int>(kernels::shared_bytes(config));
  cubin.build.compile_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  result.failure = why_unusable(result.log, cubin.build);
  if (!result.failure.empty()) return result;
  // A cache that cannot be written costs time, not the result.
  if (state_->cache) static_cast<void>(state_->cache->save(cubin));
  result.cubin = std::move(cubin);
  return result;
}

}  // namespace deepgemm::core
