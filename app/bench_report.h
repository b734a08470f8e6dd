// The result of deepgemm-bench as table, markdown, csv and json.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/kernel_source.h"
#include "app/output.h"
#include "autotune/benchmark.h"

namespace deepgemm::app {

struct BenchLine {
  Choice choice;
  autotune::BenchmarkRow row;
  int gpu_processes = 0;  // that had the GPU open, this one counted; 0: not known
};

struct BenchReport {
  std::vector<std::string> command;
  std::string written_at;  // in UTC, see now_utc; empty: not known
  std::string database;    // empty: none was read
  core::DeviceInfo device;
  core::Environment environment;
  std::string policy;
  int rounds = 0;
  double tensor_tflops = 0;  // measured (autotune/ceilings.h); 0: could not be
  std::vector<BenchLine> lines;
  bool interrupted = false;
};

// The entry of a contender; nullptr if it did not take part.
const autotune::BenchmarkEntry* find_entry(const autotune::BenchmarkRow& row,
                                           core::Contender contender);
// Why the numbers of a line cannot be trusted, as a sentence; empty if all is well. cuBLASLt
// refusing a shape and a default that was left out are no faults of ours.
std::string fault(const BenchLine& line);

// Median of a contender, 0 where it was not timed; and the other's over ours, 0 likewise.
double time_of(const autotune::BenchmarkRow& row, core::Contender contender);
double ratio_to_ours(const autotune::BenchmarkRow& row, core::Contender other);

// Whether ours and the other's time differ by no more than the noise (autotune::clearly_faster);
// false where one was not timed.
bool inside_noise(const autotune::BenchmarkRow& row, core::Contender other);

// autotune::limit_us of a line, 0 where it is not known; and its share of our time: 1 is the limit,
// more says that a ceiling was measured badly.
double limit_us(const BenchReport& report, const BenchLine& line);
double share_of_limit(const BenchReport& report, const BenchLine& line);

struct Opponent {
  core::Contender contender;
  std::string_view title;
  std::string_view key;  // in names of json fields
};
inline constexpr Opponent kOpponents[] = {
    {core::Contender::kDefault, "the untuned default", "default"},
    {core::Contender::kCublasLtBlock, "cuBLASLt block-scaled", "cublaslt_block"},
    {core::Contender::kCublasLtTensorwide, "cuBLASLt tensor-wide", "cublaslt_tensorwide"},
};

// From this m on, tokens are enough to fill a tile: the means of decode and prefill differ.
inline constexpr std::int64_t kPrefillM = 64;

// Geometric mean of the other's time over ours; 0 where no shape has both.
struct MeanRatio {
  double value = 0;
  int shapes = 0;
};
MeanRatio mean_ratio(std::span<const BenchLine> lines, core::Contender other, std::int64_t min_m);

std::string render(const BenchReport& report, Format format);
std::string render_json(const BenchReport& report);  // fields: app/help/json.txt
std::string render_html(const BenchReport& report);
std::string render_csv(const BenchReport& report);
std::string headline(const BenchLine& line);

}  // namespace deepgemm::app
