// deepgemm-tune's command line, first as it was typed, then checked and resolved.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "app/command_line.h"
#include "app/output.h"
#include "app/shape_parser.h"
#include "app/shard.h"
#include "autotune/search_space.h"
#include "autotune/tuner.h"

namespace deepgemm::app {

struct TuneArguments {
  CommonArguments common;
  ShapeArguments shapes;
  std::string effort = "default";
  double budget_seconds = 0;  // 0: none
  std::string gpu;            // a number or "all"; empty: as the launcher says, else 0
  std::string shard;          // "I/N"; empty: as the launcher says
  std::string device;         // id of a profile; empty: the GPU
  bool force = false;
  bool no_isolation = false;
  bool dry_run = false;
  bool probe = false;
  std::vector<std::string> fixed;  // "FIELD=VALUES"
  int jobs = 0;                    // 0: one per core
  std::string cache_folder;        // empty: core::default_cache_folder()
};

// nullopt: help or version was asked for and has been printed. Throws UsageError.
std::optional<TuneArguments> parse_tune_arguments(int argc, const char* const* argv);

struct TuneRequest {
  std::vector<core::GemmProblem> problems;  // of this shard
  autotune::SearchSpace space;
  autotune::TuneOptions options;
  int jobs = 0;                   // compile threads; 0: one per core
  std::optional<int> gpu;         // as --gpu says
  std::optional<int> local_rank;  // which process of this machine the launcher calls this one
  bool all_gpus = false;
  Shard shard;
  std::optional<core::DeviceInfo> profile;  // nullopt: the GPU
  bool dry_run = false;
  bool probe = false;    // race the winners of one n and k at each other's m
  bool isolated = true;  // candidates run in a process of their own
  std::filesystem::path database;
  std::filesystem::path cache_folder;
  Format format = Format::kTable;
  std::vector<OutputFile> outputs;
  std::vector<std::string> command;
};

// Checks everything that needs no hardware. Throws UsageError.
TuneRequest resolve(const TuneArguments& arguments,
                    const Variables& variables = process_environment());

// Restricts `space` as "block_m=128,256" or "stages=4:8:+1" says. Throws UsageError.
void apply_fix(autotune::SearchSpace& space, std::string_view text);

// Throws UsageError that lists the profiles.
core::DeviceInfo parse_profile(std::string_view id);

// Throws UsageError for a problem whose operands alone, with the rows that are measured, need more
// memory than `device` has.
void require_fit(const std::vector<core::GemmProblem>& problems, const core::GroupDraws& draws,
                 const core::DeviceInfo& device);

}  // namespace deepgemm::app
