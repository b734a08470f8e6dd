// A benchmark's rows by class of m: what a kernel is limited by changes with m.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "app/bench_report.h"

namespace deepgemm::app {

struct ShapeClass {
  std::string_view name;
  std::int64_t min_m;
  std::int64_t max_m;
};
// By tokens: a step of decoding, a small batch, a large one, a prefill; last, all together.
std::span<const ShapeClass> shape_classes();

// A row whose limit is at least this share of its time has hit the limit.
inline constexpr double kAtLimitShare = 0.9;

struct ClassSummary {
  const ShapeClass* shape_class = nullptr;
  int shapes = 0;                          // without fault
  int at_limit = 0;                        // of them
  bool limit_known = false;                // of any of them
  MeanRatio means[std::size(kOpponents)];  // in the order of kOpponents
  const BenchLine* worst = nullptr;        // against cuBLASLt block-scaled; nullptr: never timed
};

// Classes that have a row without fault.
std::vector<ClassSummary> summarise(const BenchReport& report);

}  // namespace deepgemm::app
