#include "app/kernel_source.h"

#include <fmt/format.h>

#include "core/default_config.h"
#include "core/error.h"
#include "core/jit_builder.h"

namespace deepgemm::app {

KernelSource::KernelSource(const db::TuningDb* database, const Hardware& hardware,
                           std::filesystem::path cache_folder)
    : database_(database), hardware_(hardware), cache_folder_(std::move(cache_folder)) {}

Choice KernelSource::choose(const core::GemmProblem& problem, const core::DeviceInfo& device,
                            const core::Environment& here) const {
  core::Lookup lookup;
  lookup.reason = "there is no database";
  if (database_ != nullptr) lookup = database_->find(problem, here);
  if (lookup.winner) {
    return {std::string(core::name(lookup.match)), lookup.reason, lookup.winner->config,
            lookup.winner->kernel_key};
  }
  const core::GemmConfig config = core::default_config(problem, device);
  return {std::string(core::name(core::Match::kNone)),
          fmt::format("the untuned default runs: {}", lookup.reason), config,
          stored_key(problem, config, device)};
}

std::string KernelSource::stored_key(const core::GemmProblem& problem,
                                     const core::GemmConfig& config,
                                     const core::DeviceInfo& device) const {
  if (database_ == nullptr) return "";
  std::string key;
  for (const auto& row : database_->all_trials(problem)) {
    // A kernel of other sources would be no fair default of this version.
    if (row.environment.sources_hash != core::sources_hash()) continue;
    if (row.environment.device_id != device.id || row.trial.kernel_key.empty()) continue;
    if (row.trial.config == config) key = row.trial.kernel_key;
  }
  return key;
}

core::Cubin KernelSource::get(const core::GemmConfig& config, const std::string& key) {
  if (database_ != nullptr && !key.empty()) {
    if (auto stored = database_->cubin(key)) return *std::move(stored);
  }
  if (!builder_) builder_ = hardware_.make_builder(cache_folder_);
  auto built = builder_->kernels->build(config);
  if (built.cubin) return *std::move(built.cubin);
  throw core::Error(
      core::ExitCode::kWorkFailed,
      fmt::format("The compiler refuses the config {}: {}", core::to_string(config), built.failure),
      "Choose another --config, or tune the shape.");
}

}  // namespace deepgemm::app
