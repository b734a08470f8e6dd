// Where deepgemm-bench gets a kernel from: the database, else the compiler.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "app/hardware.h"
#include "db/tuning_db.h"

namespace deepgemm::app {

// What would run a problem, and why.
struct Choice {
  std::string match;  // name(core::Match), or "config" where --config chose
  std::string reason;
  core::GemmConfig config;
  std::string kernel_key;  // empty: not in the database
};

class KernelSource {
 public:
  // `database` is null where there is none; it and `hardware` must outlive this.
  KernelSource(const db::TuningDb* database, const Hardware& hardware,
               std::filesystem::path cache_folder);

  // The database's winner for a machine like `here`, else the untuned default of its `device`.
  Choice choose(const core::GemmProblem& problem, const core::DeviceInfo& device,
                const core::Environment& here) const;

  // The kernel of that key as the database has it; else compiled from `config`. Opens NVRTC when
  // first needed. Throws EnvironmentError where NVRTC is needed and missing, Error where the
  // compiler refuses the config.
  core::Cubin get(const core::GemmConfig& config, const std::string& key);

  // Key of a kernel with this config among the database's trials of `problem`; empty if none.
  std::string stored_key(const core::GemmProblem& problem, const core::GemmConfig& config,
                         const core::DeviceInfo& device) const;

 private:
  const db::TuningDb* database_;
  const Hardware& hardware_;
  std::filesystem::path cache_folder_;
  std::optional<Builder> builder_;
};

}  // namespace deepgemm::app
