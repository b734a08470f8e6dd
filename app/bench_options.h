// deepgemm-bench's command line, first as it was typed, then checked and resolved.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "app/command_line.h"
#include "app/output.h"
#include "app/shape_parser.h"
#include "core/config.h"

namespace deepgemm::app {

struct BenchArguments {
  CommonArguments common;
  ShapeArguments shapes;
  std::string config;  // "FIELD=VALUE,…"; empty: what the database says
  int gpu = 0;
  int rounds = 30;
  std::string cache_folder;  // empty: core::default_cache_folder()
};

// nullopt: help or version was asked for and has been printed. Throws UsageError.
std::optional<BenchArguments> parse_bench_arguments(int argc, const char* const* argv);

struct BenchRequest {
  std::vector<core::GemmProblem> problems;
  core::GroupDraws draws;
  std::optional<core::GemmConfig> config;  // of every shape's operation
  int gpu = 0;
  int rounds = 30;
  std::filesystem::path database;
  bool database_named = false;  // by --db: then it must exist
  std::filesystem::path cache_folder;
  Format format = Format::kTable;
  std::vector<OutputFile> outputs;
  std::vector<std::string> command;
};

// Checks everything that needs no hardware. Throws UsageError.
BenchRequest resolve(const BenchArguments& arguments);

}  // namespace deepgemm::app
