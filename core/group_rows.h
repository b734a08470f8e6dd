// How many rows the groups of a grouped problem have where it is measured. A program learns that
// anew with every call, so it is no part of the problem: here is what stands for it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/problem.h"
#include "core/trial.h"

namespace deepgemm::core {

// How unlike the groups are.
enum class Skew {
  kEven,  // 0.7 to 1.3 of the mean
  kHalf,  // one group has half of all rows, the others share the rest evenly
  kZipf,  // the r-th largest group has 1 / r of what the largest has
};
std::string_view name(Skew skew);  // "even", "half", "zipf"
std::optional<Skew> skew_named(std::string_view text);

// The rows of a measurement. The default is what problems are tuned with.
struct GroupDraw {
  Skew skew = Skew::kEven;
  std::int64_t max_m = 0;               // grouped-masked: rows of each group's A and D; 0: derived
  std::vector<std::int64_t> rows = {};  // of each group, as given; empty: drawn

  friend bool operator==(const GroupDraw&, const GroupDraw&) = default;
};

// Rows of each group; of a dense problem m. What is drawn is the same on every machine. The mean of
// a grouped-contiguous problem is m; that of a grouped-masked one m / 1.2, because whoever states
// an expected m for a launch that must not be too small leaves room. Each skew has as many rows in
// all, but for rounding and for max_m, beyond which no group goes.
std::vector<std::int64_t> rows_of_groups(const GemmProblem& problem, const GroupDraw& draw = {});

// Of a grouped-masked problem: as the draw says, else the power of two from 2 m on and at least
// 128, or less where a D of so many groups would have more rows than there may be; more where a
// skewed group needs it (a multiple of 128 then).
std::int64_t max_m_of(const GemmProblem& problem, const GroupDraw& draw = {});

// The rule that the draw breaks: as many rows as groups, none negative or above max_m, one group
// with rows. nullopt if it is legal.
std::optional<std::string> why_illegal(const GemmProblem& problem, const GroupDraw& draw);

// For the policy of a measurement: "rows: even", "rows: zipf, max_m 4096", "rows: 24 23 19, max_m
// 1024". Empty of a dense problem. Times of other rows are other times.
std::string describe(const GemmProblem& problem, const GroupDraw& draw);

// What a winner says of its rows: as above, but empty of the draw that problems are tuned with
// where nobody says otherwise, which is the one to serve.
std::string unusual_rows(const GemmProblem& problem, const GroupDraw& draw);

// The draw that `rows` (see unusual_rows) stands for; nullopt where it stands for none.
std::optional<GroupDraw> draw_of(const GemmProblem& problem, std::string_view rows);

// Whether a trial tells of these rows (see unusual_rows): its times are of them, or it has none
// because it failed before it was run, which is the same for all rows.
bool tells_of(const Trial& trial, std::string_view rows);

// Only rows that are used are work, and B of groups that have any.
double flops(const GemmProblem& problem, const GroupDraw& draw);
std::int64_t bytes_read(const GemmProblem& problem, const GroupDraw& draw);
std::int64_t bytes_written(const GemmProblem& problem, const GroupDraw& draw);
// Bytes of GPU memory that tuning or benchmarking takes: operands with padding and unused rows, the
// reference result beside D, and `flush_bytes` for making L2 cold.
std::int64_t workspace_bytes(const GemmProblem& problem, const GroupDraw& draw,
                             std::int64_t flush_bytes);

// Where the rows of one group lie in A and D.
struct GroupSegment {
  std::int64_t first = 0;
  std::int64_t rows = 0;
};

// Rows of A and D, used or not: with padding, or what there is room for. layout_of tells it too,
// but makes a map of as many rows.
std::int64_t all_rows(const GemmProblem& problem, const GroupDraw& draw = {});

struct GroupLayout {
  std::vector<GroupSegment> segments;  // of each group, ascending
  std::int64_t extent = 0;             // GemmOperands::row_extent; dense: m
  std::int64_t all_rows = 0;           // of A and D, used or not
  std::int64_t used_rows = 0;

  // GemmOperands::rows: the group of each row, -1 for padding; or the rows of each group; empty of
  // a dense problem.
  std::vector<int> rows;
};
GroupLayout layout_of(const GemmProblem& problem, const GroupDraw& draw = {});

// The draws of one call: as given for some problems, one skew and max_m for all others.
class GroupDraws {
 public:
  GroupDraws() = default;
  explicit GroupDraws(GroupDraw usual) : usual_(std::move(usual)) {}
  // False where the problem was given other rows before.
  bool give(const GemmProblem& problem, const GroupDraw& draw);
  GroupDraw of(const GemmProblem& problem) const;

 private:
  GroupDraw usual_;
  std::map<decltype(order(GemmProblem{})), GroupDraw> given_;
};

// What a model or a formula may walk for each of many configs: the even draw, thinned out.
class ExpectedRows {
 public:
  explicit ExpectedRows(const GemmProblem& problem);
  // Of all groups as given, where `given`, which must outlive this, is not empty.
  ExpectedRows(const GemmProblem& problem, std::span<const std::int64_t> given);

  // Calls visit(rows, weight) for each of at most 32 groups, each of which stands for `weight`
  // groups; for every group, where rows are given.
  template <typename Visit>
  void for_each(const Visit& visit) const {
    for (int i = 0; i < count_; ++i) visit(rows(i), weight_);
  }
  std::int64_t rows(int i) const;
  // The largest that may be expected.
  std::int64_t most() const;
  // What to take one group for where one must stand for all: the m that is expected, or, where rows
  // are given, the largest.
  std::int64_t of_a_group() const { return given_.empty() ? m_ : most(); }

 private:
  Operation operation_;
  std::int64_t m_;
  std::span<const std::int64_t> given_;
  int count_;
  double weight_;
};

}  // namespace deepgemm::core
