#include "app/shape_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "app/presets.h"
#include "app/shape_file.h"
#include "app/text.h"
#include "app/value_list.h"
#include "core/error.h"

namespace deepgemm::app {

namespace {

constexpr const char* kOperations = "dense, grouped-contiguous, grouped-masked";

// Keeps the order in which shapes were named and drops repetitions.
class ProblemList {
 public:
  void add(const std::vector<core::GemmProblem>& problems) {
    for (const auto& problem : problems) {
      if (!seen_.insert(core::order(problem)).second) continue;
      problems_.push_back(problem);
    }
    if (problems_.size() > kMaxValues) {
      throw core::UsageError(fmt::format("The shapes are more than {}.", kMaxValues),
                             "Split the work over several calls.");
    }
  }

  std::vector<core::GemmProblem> take() { return std::move(problems_); }

 private:
  std::set<decltype(core::order(core::GemmProblem{}))> seen_;
  std::vector<core::GemmProblem> problems_;
};

std::vector<int> parse_small_list(std::string_view text, std::string_view what) {
  std::vector<int> values;
  for (const std::int64_t value : parse_value_list(text, what)) {
    // Anything that int cannot hold is as illegal as 0.
    values.push_back(std::in_range<int>(value) ? static_cast<int>(value) : 0);
  }
  return values;
}

core::Skew parse_skew(std::string_view text) {
  if (const auto skew = core::skew_named(text)) return *skew;
  throw core::UsageError(fmt::format("Unknown skew '{}'.", text), "Use even, half or zipf.");
}

// The draw of all problems that are given no rows of their own.
core::GroupDraw usual_draw(const ShapeArguments& arguments, core::Operation operation) {
  const core::GroupDraw draw{
      .skew = parse_skew(arguments.skew), .max_m = arguments.max_m, .rows = {}};
  const bool named = draw != core::GroupDraw{} || !arguments.group_sizes.empty();
  if (named && operation == core::Operation::kDense && arguments.shapes_file.empty()) {
    throw core::UsageError(
        "A dense product has no groups: --skew, --max-m and --group-sizes "
        "say nothing about it.",
        "Add --op grouped-contiguous or --op grouped-masked.");
  }
  if (draw.max_m > 0 && operation == core::Operation::kGroupedContiguous) {
    throw core::UsageError("--max-m is for --op grouped-masked only.", "Leave it away.");
  }
  return draw;
}

}  // namespace

core::Operation parse_operation(std::string_view text, std::string_view where) {
  if (const auto operation = core::operation_named(text)) return *operation;
  throw core::UsageError(
      fmt::format("Unknown operation '{}'{}; this version has: {}.", text, where, kOperations),
      fmt::format("Use one of: {}.", kOperations));
}

OperationChoice parse_operation(const ShapeArguments& arguments) {
  OperationChoice choice(parse_operation(arguments.operation, ""));
  const bool dense = choice.operation == core::Operation::kDense;
  if (dense && arguments.shapes_file.empty() &&
      !(arguments.groups.empty() && arguments.alignments.empty())) {
    throw core::UsageError(
        "A dense product has no --groups and no --alignment.",
        "Add --op grouped-contiguous or --op grouped-masked, or leave them away.");
  }
  if (!arguments.alignments.empty()) {
    if (choice.operation == core::Operation::kGroupedMasked) {
      throw core::UsageError("--alignment is for --op grouped-contiguous only.", "Leave it away.");
    }
    choice.alignments = parse_small_list(arguments.alignments, "--alignment");
  }
  choice.says_groups = !(arguments.groups.empty() && arguments.group_sizes.empty());
  if (!arguments.groups.empty()) {
    choice.groups = parse_small_list(arguments.groups, "--groups");
  } else if (!arguments.group_sizes.empty()) {
    const auto sizes = parse_group_sizes(arguments.group_sizes, "--group-sizes");
    choice.groups = {static_cast<int>(sizes.size())};
  } else if (!dense && !(arguments.shapes.empty() && arguments.preset.empty())) {
    throw core::UsageError(
        fmt::format("It is not said how many groups a {} product has.", arguments.operation),
        "Add --groups, for example --groups 32.");
  }
  return choice;
}

std::vector<std::int64_t> parse_group_sizes(std::string_view text, std::string_view what) {
  const char separator = text.find(',') == std::string_view::npos ? ' ' : ',';
  std::vector<std::int64_t> sizes;
  for (const std::string_view each : split(trim(text), separator)) {
    sizes.push_back(parse_value(trim(each), what));
  }
  return sizes;
}

void require_legal(const core::GemmProblem& problem, std::string_view where) {
  if (const auto why = core::why_illegal(problem)) {
    throw core::UsageError(fmt::format("{}: {}.", where, *why),
                           "Use m of at least 1, n a multiple of 8 and k a multiple of 16; of "
                           "grouped products 1 to 512 groups, and of contiguous ones an alignment "
                           "of 4, 8, 16, 32, 64 or 128.");
  }
}

void require_legal(const core::GemmProblem& problem, const core::GroupDraw& draw,
                   std::string_view where) {
  if (const auto why = core::why_illegal(problem, draw)) {
    throw core::UsageError(fmt::format("{}: {}.", where, *why),
                           "Give each group its rows, none beyond --max-m, or leave them away.");
  }
}

std::vector<core::GemmProblem> parse_shape(std::string_view text, const OperationChoice& choice) {
  const auto parts = split(text, 'x');
  if (parts.size() != 3) {
    throw core::UsageError(fmt::format("'{}' is not a shape.", text),
                           "Write MxNxK, for example 64x2112x7168 or 1,64,128x2112x7168.");
  }
  std::vector<std::int64_t> extents[3];
  std::size_t variants = choice.groups.size() * choice.alignments.size();
  bool too_many = variants > kMaxValues;
  for (int i = 0; i < 3; ++i) {
    extents[i] = parse_value_list(parts[i], fmt::format("{} of shape '{}'", "mnk"[i], text));
    // A division, because the product of the lengths may overflow.
    too_many = too_many || extents[i].size() > kMaxValues / variants;
    variants *= extents[i].size();
  }
  if (too_many) {
    throw core::UsageError(
        fmt::format("Shape '{}' stands for more than {} shapes.", text, kMaxValues),
        "Use larger steps, or split the work over several calls.");
  }
  const auto& [ms, ns, ks] = extents;
  std::vector<core::GemmProblem> problems;
  core::GemmProblem problem{.operation = choice.operation};
  for (const int groups : choice.groups) {
    problem.groups = groups;
    for (const int alignment : choice.alignments) {
      problem.alignment = alignment;
      for (const auto n : ns) {
        for (const auto k : ks) {
          for (const auto m : ms) {
            problem.m = m;
            problem.n = n;
            problem.k = k;
            require_legal(problem, fmt::format("Shape '{}'", text));
            problems.push_back(problem);
          }
        }
      }
    }
  }
  return problems;
}

Shapes collect_shapes(const ShapeArguments& arguments) {
  const OperationChoice choice = parse_operation(arguments);
  Shapes shapes;
  shapes.draws = core::GroupDraws(usual_draw(arguments, choice.operation));
  ProblemList list;
  for (const auto& shape : arguments.shapes) list.add(parse_shape(shape, choice));
  if (!arguments.shapes_file.empty()) {
    list.add(read_shape_file(arguments.shapes_file, choice, &shapes.draws));
  }
  if (!arguments.preset.empty()) {
    list.add(shapes_of(find_preset(arguments.preset), choice));
  }
  shapes.problems = list.take();
  if (shapes.problems.empty()) {
    throw core::UsageError("No shape was given.",
                           "Name one as MxNxK, for example 64x2112x7168, or use --shapes FILE or "
                           "--preset deepseek-v3.");
  }
  if (!arguments.group_sizes.empty()) {
    if (shapes.problems.size() != 1) {
      throw core::UsageError(
          fmt::format("--group-sizes is for one shape, and there are {}.", shapes.problems.size()),
          "Name one shape, or give sizes by the column group_sizes of a --shapes file.");
    }
    core::GroupDraw draw = shapes.draws.of(shapes.problems.front());
    draw.rows = parse_group_sizes(arguments.group_sizes, "--group-sizes");
    shapes.draws.give(shapes.problems.front(), draw);
  }
  for (const auto& problem : shapes.problems) {
    require_legal(problem, shapes.draws.of(problem),
                  fmt::format("Shape {}", core::to_string(problem)));
  }
  return shapes;
}

std::vector<core::GemmProblem> collect_problems(const ShapeArguments& arguments) {
  return collect_shapes(arguments).problems;
}

}  // namespace deepgemm::app
