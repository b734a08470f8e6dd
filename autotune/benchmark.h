// Measures one kernel beside cuBLASLt and the untuned default, in interleaved rounds.
#pragma once

#include <atomic>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "autotune/executor.h"
#include "autotune/race.h"
#include "core/kernel_builder.h"

namespace deepgemm::autotune {

struct BenchmarkOptions {
  int rounds = 30;
  core::GroupDraw draw = {};  // of a grouped problem
};

// One contender's line of a report.
struct BenchmarkEntry {
  core::Contender contender;
  std::optional<core::GemmConfig> config;  // ours only
  std::string kernel_key;
  std::string failure;  // why it has no measurement, in one sentence
  Check check;
  core::Measurement measurement;
};

// Admits the entry's contender and verifies it. Returns the id that it is ready under; nullopt, and
// the entry says why, where it cannot run. `cubin` is null for the libraries.
std::optional<int> make_ready(Workbench& bench, const core::Cubin* cubin, BenchmarkEntry& entry);

// Gives those that ended a round since the last call their failure, and no time. `entry_of` names
// the entry of each runner.
void bury_fallen(Race& race, std::span<const std::size_t> entry_of,
                 std::vector<BenchmarkEntry>& entries);

struct BenchmarkRow {
  core::GemmProblem problem;
  core::GroupDraw draw;
  std::string reference;
  std::string reference_note;
  // kCandidate first, then default, block, tensor-wide, the memory floor.
  std::vector<BenchmarkEntry> entries;
};

// `candidate` is what the database (or --config) would run; `fallback` the untuned default. Both
// are verified before they are timed. Throws Interrupted (autotune/interrupt.h) when `stop` is set.
BenchmarkRow run_benchmark(Executor& executor, const core::GemmProblem& problem,
                           const core::Cubin& candidate, const core::Cubin& fallback,
                           const BenchmarkOptions& options, const std::atomic<bool>& stop);

}  // namespace deepgemm::autotune
