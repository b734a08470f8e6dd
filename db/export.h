// What of a database goes into a bundle.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/kernel_builder.h"
#include "db/bundle_file.h"
#include "db/tuning_db.h"

namespace deepgemm::db {

// Compiles what the database does not hold. Throws EnvironmentError where there is no compiler.
using Compile = std::function<core::BuildResult(const core::GemmConfig&)>;

struct ExportOptions {
  bool measured_only = false;  // leave out rows that are predicted
  // Rows of one n and k that deepgemm-tune --probe has raced are merged as long as no m costs more
  // than this share (0.03: 3 %).
  double max_cost = 0.03;
  bool keep_rows = false;  // merge nothing
};

// Rows of one n and k that were merged.
struct MergedRows {
  core::GemmProblem largest;  // of those that were tuned
  std::size_t before = 0;
  std::size_t after = 0;
  std::size_t points = 0;  // m's at which their kernels were raced
  double p95 = 0;          // cost that 95 % of all m up to the largest stay below
};

struct Export {
  BundleContents contents;
  std::vector<MergedRows> merged;
  std::vector<std::string> notes;  // what had to be left out or replaced, one sentence each
};

// The best winner of every problem tuned on `device_id` (of several environments', the one that
// suits `here` best), with its runner-up, the default and the libraries' times as they were
// recorded in the winner's environment, one fallback per operation, and the kernels of all of them.
// Where there is no compiler, a kernel of these stands in for the fallback of its operation; one
// without rows has none.
// A runner-up or default whose kernel is neither stored nor comes out of the compiler as it was
// measured stays behind. `here` is this machine, and the environment of `compile`.
// Throws UsageError where nothing was tuned on that device, or a winner's kernel is nowhere.
Export collect(const TuningDb& database, std::string_view device_id, const ExportOptions& options,
               const core::Environment& here, const Compile& compile);

}  // namespace deepgemm::db
