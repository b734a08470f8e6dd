// Two reports of deepgemm-bench, shape by shape: what became slower or faster beyond doubt.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/bench_file.h"
#include "autotune/statistics.h"

namespace deepgemm::app {

enum class Verdict {
  kSlower,
  kAmbiguous,  // the samples allow both "the same" and "different"
  kFaster,
  kSame,
};
std::string_view name(Verdict verdict);  // "SLOWER", …

struct CompareOptions {
  // A change of the median by less than this share is not called one.
  double threshold = 0.03;
  // By this share one kernel's times differ between two runs or two machines of a kind; a change
  // must be larger beyond doubt.
  double drift = 0.01;
  // Probability that a comparison of two equal reports calls any row SLOWER or FASTER on the
  // strength of chance alone is at most 1 - confidence.
  double confidence = 0.95;
};

// One shape that both reports have timed.
struct ComparedShape {
  core::GemmProblem problem;
  Verdict verdict = Verdict::kSame;
  double old_us = 0;  // medians
  double new_us = 0;
  double ratio = 0;               // new over old: above 1 is slower
  autotune::Interval interval{};  // of the ratio, at the confidence shared out over the rows
  std::string old_config;
  std::string new_config;
  std::string note;  // why it is AMBIGUOUS without an interval; empty otherwise
};

// A shape that cannot be compared, and why.
struct LeftOut {
  core::GemmProblem problem;
  std::string why;
  bool broken = false;  // the new report's kernel failed where the old one's did not
};

// Something about the two runs that is not the same.
struct Difference {
  std::string what;
  std::string old_value;
  std::string new_value;
  bool of_the_machine = false;  // then a change of times need not be one of the kernels
};

// What both reports ran unchanged: a library's kernels. Its change is the machine's.
struct Control {
  std::string title;  // "cuBLASLt block-scaled"; empty: there is none
  double ratio = 0;   // geometric mean of new over old
  int shapes = 0;
};

struct Comparison {
  BenchFile before;
  BenchFile after;
  CompareOptions options;
  std::vector<ComparedShape> shapes;  // in the old report's order
  std::vector<LeftOut> left_out;
  std::vector<Difference> differences;
  Control control;
};

Comparison compare(BenchFile before, BenchFile after, const CompareOptions& options);

// How many rows have this verdict.
long long count(const Comparison& comparison, Verdict verdict);
long long count_broken(const Comparison& comparison);
// Geometric mean of new over old; 0 without shapes.
double mean_change(const Comparison& comparison);

}  // namespace deepgemm::app
