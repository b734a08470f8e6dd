#include "app/shape_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "app/presets.h"
#include "app/shape_file.h"
#include "app/text.h"
#include "app/value_list.h"
#include "core/error.h"

namespace deepgemm::app {

namespace {

// Keeps the order in which shapes were named and drops repetitions.
class ProblemList {
 public:
  void add(const std::vector<core::GemmProblem>& problems) {
    for (const auto& problem : problems) {
      const auto key =
          std::tuple(problem.operation, problem.groups, problem.n, problem.k, problem.m);
      if (!seen_.insert(key).second) continue;
      problems_.push_back(problem);
    }
    if (problems_.size() > kMaxValues) {
      throw core::UsageError(fmt::format("The shapes are more than {}.", kMaxValues),
                             "Split the work over several calls.");
    }
  }

  std::vector<core::GemmProblem> take() { return std::move(problems_); }

 private:
  std::set<std::tuple<core::Operation, int, std::int64_t, std::int64_t, std::int64_t>> seen_;
  std::vector<core::GemmProblem> problems_;
};

}  // namespace

core::Operation parse_operation(std::string_view text) {
  const auto operation = core::operation_named(text);
  if (!operation) {
    throw core::UsageError(fmt::format("Unknown operation '{}'; this version has: dense.", text),
                           "Leave --op away, or pass --op dense.");
  }
  if (operation != core::Operation::kDense) {
    throw core::UsageError(
        fmt::format("Operation '{}' cannot be tuned yet; this version has: dense.", text),
        "Leave --op away, or pass --op dense.");
  }
  return *operation;
}

void require_legal(const core::GemmProblem& problem, std::string_view where) {
  if (const auto why = core::why_illegal(problem)) {
    throw core::UsageError(fmt::format("{}: {}.", where, *why),
                           "Use m of at least 1, n a multiple of 8 and k a multiple of 16.");
  }
}

std::vector<core::GemmProblem> parse_shape(std::string_view text, core::Operation operation) {
  const auto parts = split(text, 'x');
  if (parts.size() != 3) {
    throw core::UsageError(fmt::format("'{}' is not a shape.", text),
                           "Write MxNxK, for example 64x2112x7168 or 1,64,128x2112x7168.");
  }
  std::vector<std::int64_t> extents[3];
  for (int i = 0; i < 3; ++i) {
    extents[i] = parse_value_list(parts[i], fmt::format("{} of shape '{}'", "mnk"[i], text));
  }
  const auto& [ms, ns, ks] = extents;
  // Divisions, because the product of three lengths may be as large as kMaxValues cubed.
  if (ns.size() > kMaxValues / ms.size() || ks.size() > kMaxValues / (ms.size() * ns.size())) {
    throw core::UsageError(
        fmt::format("Shape '{}' stands for more than {} shapes.", text, kMaxValues),
        "Use larger steps, or split the work over several calls.");
  }
  std::vector<core::GemmProblem> problems;
  for (const auto n : ns) {
    for (const auto k : ks) {
      for (const auto m : ms) {
        const core::GemmProblem problem{.operation = operation, .m = m, .n = n, .k = k};
        require_legal(problem, fmt::format("Shape '{}'", text));
        problems.push_back(problem);
      }
    }
  }
  return problems;
}

std::vector<core::GemmProblem> collect_problems(const ShapeArguments& arguments) {
  const core::Operation operation = parse_operation(arguments.operation);
  ProblemList list;
  for (const auto& shape : arguments.shapes) list.add(parse_shape(shape, operation));
  if (!arguments.shapes_file.empty()) {
    list.add(read_shape_file(arguments.shapes_file, operation));
  }
  if (!arguments.preset.empty()) {
    list.add(shapes_of(find_preset(arguments.preset), operation));
  }
  auto problems = list.take();
  if (problems.empty()) {
    throw core::UsageError("No shape was given.",
                           "Name one as MxNxK, for example 64x2112x7168, or use --shapes FILE or "
                           "--preset deepseek-v3.");
  }
  return problems;
}

}  // namespace deepgemm::app
