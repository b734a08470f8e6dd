#include "core/group_rows.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <numeric>
#include <sstream>
#include <utility>

namespace deepgemm::core {
namespace {

constexpr std::array<std::pair<Skew, std::string_view>, 3> kSkews{
    {{Skew::kEven, "even"}, {Skew::kHalf, "half"}, {Skew::kZipf, "zipf"}}};

constexpr double kLeastShare = 0.7;
constexpr double kMostShare = 1.3;
// An expected m over the mean of what comes.
constexpr double kMaskedRoom = 1.2;
constexpr std::int64_t kLeastMaxM = 128;

std::int64_t round_up(std::int64_t value, std::int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// Of the mean: multiples of the golden ratio fall evenly into any range, however many are taken.
double even_share(int group) {
  constexpr double kGolden = 0.6180339887498949;
  const double at = 0.5 + kGolden * group;
  return kLeastShare + (kMostShare - kLeastShare) * (at - std::floor(at));
}

double mean_rows(Operation operation, std::int64_t m) {
  const auto rows = static_cast<double>(m);
  return operation == Operation::kGroupedMasked ? rows / kMaskedRoom : rows;
}

std::int64_t even_rows(Operation operation, std::int64_t m, int group) {
  if (operation == Operation::kDense) return m;
  return std::max<std::int64_t>(1, std::llround(mean_rows(operation, m) * even_share(group)));
}

// Of all rows, what each group has. The largest of the even draw is the largest here, too.
std::vector<double> shares(const GemmProblem& problem, Skew skew) {
  const auto groups = static_cast<std::size_t>(problem.groups);
  std::vector<double> shares(groups, 1);
  if (skew == Skew::kHalf && groups > 1) {
    std::fill(shares.begin(), shares.end(), 0.5 / static_cast<double>(groups - 1));
    shares[groups / 2] = 0.5;
    return shares;
  }
  std::vector<int> by_size(groups);
  std::iota(by_size.begin(), by_size.end(), 0);
  std::stable_sort(by_size.begin(), by_size.end(),
                   [](int a, int b) { return even_share(a) > even_share(b); });
  double all = 0;
  for (std::size_t rank = 0; rank < groups; ++rank) all += 1.0 / static_cast<double>(rank + 1);
  for (std::size_t rank = 0; rank < groups; ++rank) {
    shares[static_cast<std::size_t>(by_size[rank])] = 1.0 / static_cast<double>(rank + 1) / all;
  }
  return shares;
}

// Before max_m.
std::vector<std::int64_t> drawn_rows(const GemmProblem& problem, Skew skew) {
  std::vector<std::int64_t> rows;
  for (int g = 0; g < problem.groups; ++g) {
    rows.push_back(even_rows(problem.operation, problem.m, g));
  }
  if (skew == Skew::kEven || problem.operation == Operation::kDense) return rows;
  const auto all = static_cast<double>(std::accumulate(rows.begin(), rows.end(), std::int64_t{0}));
  std::vector<double> share = shares(problem, skew);
  for (std::size_t g = 0; g < rows.size(); ++g) rows[g] = std::llround(all * share[g]);
  return rows;
}

struct Work {
  std::int64_t rows = 0;    // that are used
  std::int64_t groups = 0;  // that have any
};

Work work_of(const GemmProblem& problem, const GroupDraw& draw) {
  if (problem.operation == Operation::kDense) return {problem.m, 1};
  Work work;
  for (const std::int64_t rows : rows_of_groups(problem, draw)) {
    work.rows += rows;
    work.groups += rows > 0;
  }
  return work;
}

}  // namespace

std::string_view name(Skew skew) { return kSkews.at(static_cast<std::size_t>(skew)).second; }

std::optional<Skew> skew_named(std::string_view text) {
  for (const auto& [skew, name] : kSkews) {
    if (name == text) return skew;
  }
  return std::nullopt;
}

std::vector<std::int64_t> rows_of_groups(const GemmProblem& problem, const GroupDraw& draw) {
  if (problem.operation == Operation::kDense) return {problem.m};
  if (!draw.rows.empty()) return draw.rows;
  std::vector<std::int64_t> rows = drawn_rows(problem, draw.skew);
  if (problem.operation == Operation::kGroupedMasked && draw.max_m > 0) {
    for (std::int64_t& each : rows) each = std::min(each, draw.max_m);
  }
  return rows;
}

std::int64_t max_m_of(const GemmProblem& problem, const GroupDraw& draw) {
  if (draw.max_m > 0) return draw.max_m;
  const auto power = static_cast<std::int64_t>(
      std::bit_ceil(static_cast<std::uint64_t>(std::max(2 * problem.m, kLeastMaxM))));
  const std::int64_t usual = std::min(power, kMaxExtent / std::max(problem.groups, 1));
  const std::int64_t largest = std::ranges::max(rows_of_groups(problem, draw));
  return largest <= usual ? usual : round_up(largest, kLeastMaxM);
}

std::optional<std::string> why_illegal(const GemmProblem& problem, const GroupDraw& draw) {
  if (problem.operation == Operation::kDense) {
    if (draw == GroupDraw{}) return std::nullopt;
    return "a dense problem has no groups whose rows could be given";
  }
  if (draw.max_m != 0 && problem.operation != Operation::kGroupedMasked) {
    return "max_m is for grouped-masked problems only";
  }
  if (draw.max_m < 0) return "max_m = " + std::to_string(draw.max_m) + " must be at least 1";
  const std::size_t given = draw.rows.size();
  if (given != 0 && given != static_cast<std::size_t>(problem.groups)) {
    return "rows of " + std::to_string(given) + " groups are given for " +
           std::to_string(problem.groups) + " groups";
  }
  for (const std::int64_t rows : draw.rows) {
    if (rows >= 0 && rows <= kMaxExtent) continue;
    return std::to_string(rows) + " is no number of rows";
  }
  const std::vector<std::int64_t> rows = rows_of_groups(problem, draw);
  const std::int64_t largest = std::ranges::max(rows);
  if (largest == 0) return "no group has a row";
  if (problem.operation == Operation::kGroupedMasked) {
    const std::int64_t max_m = max_m_of(problem, draw);
    if (largest > max_m) {
      return "a group of " + std::to_string(largest) +
             " rows is larger than max_m = " + std::to_string(max_m);
    }
    if (max_m > kMaxExtent / problem.groups) return "max_m times groups is too large";
  } else if (std::accumulate(rows.begin(), rows.end(), std::int64_t{0}) +
                 std::int64_t{problem.groups} * problem.alignment >
             kMaxExtent) {
    return "the rows of all groups are too many";
  }
  return std::nullopt;
}

std::string describe(const GemmProblem& problem, const GroupDraw& draw) {
  if (problem.operation == Operation::kDense) return "";
  std::string text = "rows:";
  if (draw.rows.empty()) text += " " + std::string(name(draw.skew));
  for (const std::int64_t rows : draw.rows) text += " " + std::to_string(rows);
  if (problem.operation == Operation::kGroupedMasked) {
    text += ", max_m " + std::to_string(max_m_of(problem, draw));
  }
  return text;
}

std::string unusual_rows(const GemmProblem& problem, const GroupDraw& draw) {
  std::string rows = describe(problem, draw);
  return rows == describe(problem, {}) ? "" : rows;
}

std::optional<GroupDraw> draw_of(const GemmProblem& problem, std::string_view rows) {
  GroupDraw draw;
  if (rows.empty()) return draw;
  std::istringstream words{std::string(rows)};
  for (std::string word; words >> word;) {
    if (word.ends_with(',')) word.pop_back();
    if (word == "rows:") continue;
    if (word == "max_m") {
      words >> draw.max_m;
    } else if (const auto skew = skew_named(word)) {
      draw.skew = *skew;
    } else {
      std::int64_t rows = 0;
      const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), rows);
      if (error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
      draw.rows.push_back(rows);
    }
  }
  if (why_illegal(problem, draw) || describe(problem, draw) != rows) return std::nullopt;
  return draw;
}

bool tells_of(const Trial& trial, std::string_view rows) {
  if (trial.policy.empty()) return rows.empty() || trial.outcome != Outcome::kPredicted;
  const std::size_t at = trial.policy.find("rows:");
  if (at == std::string::npos) return rows.empty();
  return trial.policy.substr(at) == (rows.empty() ? describe(trial.problem, {}) : rows);
}

double flops(const GemmProblem& problem, const GroupDraw& draw) {
  return 2.0 * static_cast<double>(work_of(problem, draw).rows) * static_cast<double>(problem.n) *
         static_cast<double>(problem.k);
}

std::int64_t bytes_read(const GemmProblem& problem, const GroupDraw& draw) {
  const Work work = work_of(problem, draw);
  const std::int64_t operands = (work.rows + work.groups * problem.n) * problem.k;
  const std::int64_t scales = 4 * k_blocks(problem) * (work.rows + work.groups * n_blocks(problem));
  return operands + scales;
}

std::int64_t bytes_written(const GemmProblem& problem, const GroupDraw& draw) {
  return 2 * work_of(problem, draw).rows * problem.n;
}

std::int64_t workspace_bytes(const GemmProblem& problem, const GroupDraw& draw,
                             std::int64_t flush_bytes) {
  // cuBLASLt's scratch, guards, statistics and the context itself.
  constexpr std::int64_t kFixedBytes = std::int64_t{1} << 30;
  if (problem.operation == Operation::kDense) {
    return bytes_moved(problem) + 2 * (problem.m + 3) * problem.n + flush_bytes + kFixedBytes;
  }
  // D is there to be timed and to be checked; a reference, and used rows of both side by side.
  const std::int64_t rows = all_rows(problem, draw);
  const std::int64_t of_b =
      problem.groups * (problem.n * problem.k + 8 * n_blocks(problem) * k_blocks(problem));
  const std::int64_t of_a = rows * (problem.k + 8 * k_blocks(problem));
  const std::int64_t of_d = 2 * problem.n * (3 * rows + 2 * work_of(problem, draw).rows);
  const std::int64_t floor = bytes_read(problem, draw) + bytes_written(problem, draw);
  return of_a + of_b + of_d + floor + flush_bytes + kFixedBytes;
}

namespace {

// Rows of A and D from one group's first to the next one's.
std::int64_t room_of(const GemmProblem& problem, std::int64_t rows, std::int64_t max_m) {
  return problem.operation == Operation::kGroupedMasked ? max_m : round_up(rows, problem.alignment);
}

}  // namespace

std::int64_t all_rows(const GemmProblem& problem, const GroupDraw& draw) {
  const std::int64_t max_m = max_m_of(problem, draw);
  std::int64_t all = 0;
  for (const std::int64_t rows : rows_of_groups(problem, draw))
    all += room_of(problem, rows, max_m);
  return all;
}

GroupLayout layout_of(const GemmProblem& problem, const GroupDraw& draw) {
  const std::vector<std::int64_t> rows = rows_of_groups(problem, draw);
  GroupLayout layout;
  layout.used_rows = std::accumulate(rows.begin(), rows.end(), std::int64_t{0});
  const bool masked = problem.operation == Operation::kGroupedMasked;
  const std::int64_t max_m = masked ? max_m_of(problem, draw) : 0;
  for (const std::int64_t count : rows) {
    layout.segments.push_back({layout.all_rows, count});
    layout.all_rows += room_of(problem, count, max_m);
  }
  layout.extent = masked ? max_m : layout.all_rows;
  if (problem.operation == Operation::kDense) return layout;
  if (masked) {
    layout.rows.assign(rows.begin(), rows.end());
    return layout;
  }
  layout.rows.assign(static_cast<std::size_t>(layout.all_rows), -1);
  for (std::size_t g = 0; g < rows.size(); ++g) {
    const auto first = layout.rows.begin() + layout.segments[g].first;
    std::fill(first, first + rows[g], static_cast<int>(g));
  }
  return layout;
}

bool GroupDraws::give(const GemmProblem& problem, const GroupDraw& draw) {
  const auto [place, is_new] = given_.emplace(order(problem), draw);
  return is_new || place->second == draw;
}

GroupDraw GroupDraws::of(const GemmProblem& problem) const {
  if (problem.operation == Operation::kDense) return {};
  const auto given = given_.find(order(problem));
  if (given != given_.end()) return given->second;
  GroupDraw draw = usual_;
  if (problem.operation != Operation::kGroupedMasked) draw.max_m = 0;
  return draw;
}

ExpectedRows::ExpectedRows(const GemmProblem& problem)
    : operation_(problem.operation),
      m_(problem.m),
      count_(std::clamp(problem.groups, 1, 32)),
      weight_(static_cast<double>(std::max(problem.groups, 1)) / count_) {}

ExpectedRows::ExpectedRows(const GemmProblem& problem, std::span<const std::int64_t> given)
    : ExpectedRows(problem) {
  if (given.empty()) return;
  given_ = given;
  count_ = static_cast<int>(given.size());
  weight_ = 1;
}

std::int64_t ExpectedRows::rows(int i) const {
  return given_.empty() ? even_rows(operation_, m_, i) : given_[static_cast<std::size_t>(i)];
}

std::int64_t ExpectedRows::most() const {
  if (!given_.empty()) return std::ranges::max(given_);
  if (operation_ == Operation::kDense) return m_;
  return std::llround(std::ceil(mean_rows(operation_, m_) * kMostShare));
}

}  // namespace deepgemm::core
