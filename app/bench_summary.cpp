#include "app/bench_summary.h"

#include <limits>

namespace deepgemm::app {

namespace {

constexpr std::int64_t kAny = std::numeric_limits<std::int64_t>::max();
constexpr ShapeClass kClasses[] = {
    {"m <= 16", 1, 16},       {"m 17 to 128", 17, 128}, {"m 129 to 1024", 129, 1024},
    {"m > 1024", 1025, kAny}, {"all m", 1, kAny},
};

bool belongs(const BenchLine& line, const ShapeClass& shape_class) {
  const std::int64_t m = line.row.problem.m;
  return m >= shape_class.min_m && m <= shape_class.max_m && fault(line).empty();
}

ClassSummary summarise(const BenchReport& report, const ShapeClass& shape_class) {
  constexpr auto kBlock = core::Contender::kCublasLtBlock;
  ClassSummary summary;
  summary.shape_class = &shape_class;
  std::vector<BenchLine> members;
  double worst = 0;
  for (const BenchLine& line : report.lines) {
    if (!belongs(line, shape_class)) continue;
    members.push_back(line);
    const double share = share_of_limit(report, line);
    summary.limit_known |= share > 0;
    summary.at_limit += share >= kAtLimitShare;
    const double ratio = ratio_to_ours(line.row, kBlock);
    if (ratio > 0 && (worst == 0 || ratio < worst)) {
      worst = ratio;
      summary.worst = &line;
    }
  }
  summary.shapes = static_cast<int>(members.size());
  for (std::size_t i = 0; i < std::size(kOpponents); ++i) {
    summary.means[i] = mean_ratio(members, kOpponents[i].contender, 1);
  }
  return summary;
}

}  // namespace

std::span<const ShapeClass> shape_classes() { return kClasses; }

std::vector<ClassSummary> summarise(const BenchReport& report) {
  std::vector<ClassSummary> list;
  for (const ShapeClass& shape_class : kClasses) {
    ClassSummary summary = summarise(report, shape_class);
    if (summary.shapes > 0) list.push_back(summary);
  }
  return list;
}

}  // namespace deepgemm::app
