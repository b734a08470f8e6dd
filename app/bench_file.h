// A JSON report of deepgemm-bench, read back: the samples for a comparison, or all of it.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "app/bench_report.h"
#include "core/trial.h"

namespace deepgemm::app {

// One contender of one shape.
struct BenchedEntry {
  std::vector<double> samples_us;  // positive; empty: was not timed
  int sm_clock_mhz = 0;            // 0: not known
};

struct BenchedShape {
  core::GemmProblem problem;
  core::GroupDraw draw;  // the rows of a grouped problem
  std::string config;    // "64x72 s11 …", of the kernel that the database would run
  std::string status;    // "ok", or why the numbers cannot be trusted
  std::map<core::Contender, BenchedEntry> entries;
};

struct BenchFile {
  std::filesystem::path path;
  std::string policy;
  int rounds = 0;
  bool interrupted = false;
  core::Environment environment;
  std::vector<BenchedShape> shapes;
};

// Throws UsageError where the file is missing, no JSON, no report of deepgemm-bench, of a schema
// that this version does not know, or names a shape twice.
BenchFile read_bench_file(const std::filesystem::path& path);
// The same from text; `path` is for messages.
BenchFile parse_bench_file(const std::filesystem::path& path, std::string_view text);

// The whole report, to be shown in another form. Throws likewise.
BenchReport read_bench_report(const std::filesystem::path& path);
BenchReport parse_bench_report(const std::filesystem::path& path, std::string_view text);

}  // namespace deepgemm::app
