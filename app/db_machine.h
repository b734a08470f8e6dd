// What deepgemm-db knows of the machine it runs on, which may have neither a GPU nor a compiler.
#pragma once

#include <spdlog/logger.h>

#include <optional>
#include <span>
#include <string>

#include "app/hardware.h"
#include "db/tuning_db.h"

namespace deepgemm::app {

// This machine as far as it can be told without failing: what is not known is empty, and not
// compared with rows.
struct Machine {
  std::optional<core::DeviceInfo> device;  // the first GPU; nullopt where there is none
  core::Environment environment;
};
Machine look_at_machine(const Hardware& hardware);

// The machine that a question is about: this one, or one like it with another kind of GPU, of which
// neither driver nor clocks are known.
core::Environment environment_on(const Machine& machine, const std::string& device_id);

// What the untuned default depends on: this machine's GPU if it is of that kind, else the profile
// of the kind; of a kind without a profile, the first one under its name.
core::DeviceInfo describe_device(const Machine& machine, const std::string& device_id);

// Version of NVRTC as environments record it; empty where it cannot be opened.
std::string nvrtc_version_here(const Hardware& hardware);

// The kind of GPU that a question means: `wanted`, else this machine's; without a GPU, the kind
// that most rows of `database` are of, which is said where it is not the only one. Throws
// UsageError where nothing tells.
std::string device_in_question(const std::string& wanted, const Machine& machine,
                               const db::TuningDb& database, spdlog::logger& log);

// The kind of GPU that most rows are of; empty where there is no row.
std::string device_of_most_rows(const db::TuningDb& database);

// One warning where rows of `database` were passed over.
void warn_of_skipped_rows(const db::TuningDb& database, spdlog::logger& log);

// Says how many rows answer for nobody on a machine like `there`, because another version launches
// their kernels.
void warn_of_rows_passed_over(std::span<const db::WinnerRow> winners,
                              const core::Environment& there, spdlog::logger& log);

}  // namespace deepgemm::app
