// The actions of deepgemm-db that write: export, import, merge, prune.
#pragma once

#include <string>

#include "app/db_options.h"
#include "app/hardware.h"
#include "app/log.h"

namespace deepgemm::app {

// `wanted`, or the only kind of GPU that has winners in `database` where that is empty. Throws
// UsageError that lists what there is.
std::string device_of(const db::TuningDb& database, const std::string& wanted);

core::ExitCode export_bundle(const DbArguments& arguments, const Hardware& hardware,
                             spdlog::logger& log);
core::ExitCode import_bundle(const DbArguments& arguments, spdlog::logger& log);
core::ExitCode merge_databases(const DbArguments& arguments, spdlog::logger& log);
core::ExitCode prune_database(const DbArguments& arguments, const Hardware& hardware,
                              spdlog::logger& log);

}  // namespace deepgemm::app
