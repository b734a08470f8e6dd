#include "app/shape_file.h"

#include <fmt/format.h>

#include <charconv>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "app/shape_parser.h"
#include "app/text.h"
#include "app/value_list.h"
#include "core/error.h"

namespace deepgemm::app {

namespace {

constexpr const char* kFormat =
    "Write csv with a header line that names m, n and k, for example m,n,k and below it "
    "64,2112,7168.";

// A line of plain csv: quotes have no use in a table of numbers.
struct Line {
  std::string where;  // "Line 3 of shapes.csv"
  std::vector<std::string_view> cells;
};

using Columns = std::map<std::string, std::size_t, std::less<>>;

Columns read_header(const Line& line) {
  Columns columns;
  for (std::size_t i = 0; i < line.cells.size(); ++i) {
    const std::string column(trim(line.cells[i]));
    if (!columns.emplace(column, i).second) {
      throw core::UsageError(fmt::format("{} names column '{}' twice.", line.where, column),
                             kFormat);
    }
  }
  for (const char* required : {"m", "n", "k"}) {
    if (!columns.contains(required)) {
      throw core::UsageError(fmt::format("{} has no column '{}'.", line.where, required), kFormat);
    }
  }
  return columns;
}

std::int64_t read_number(const Line& line, const Columns& columns, std::string_view column) {
  const std::size_t index = columns.find(column)->second;
  return parse_value(trim(line.cells[index]), fmt::format("column '{}' of {}", column, line.where));
}

// Empty where the column or the cell is.
std::string_view optional_cell(const Line& line, const Columns& columns, std::string_view column) {
  const auto found = columns.find(column);
  return found == columns.end() ? std::string_view{} : trim(line.cells[found->second]);
}

int read_small_number(const Line& line, const Columns& columns, std::string_view column) {
  const std::int64_t value = read_number(line, columns, column);
  // Anything that int cannot hold is as illegal as 0.
  return std::in_range<int>(value) ? static_cast<int>(value) : 0;
}

// What a line that names its operation takes from the command line.
OperationChoice choice_for(core::Operation named, const OperationChoice& choice) {
  OperationChoice own = named;
  if (named == core::Operation::kDense) return own;
  own.groups = choice.groups;
  own.says_groups = choice.says_groups;
  const bool aligned = choice.alignments != std::vector{core::usual_alignment(choice.operation)};
  if (named == core::Operation::kGroupedContiguous && aligned) own.alignments = choice.alignments;
  return own;
}

// What the row says, and `choice` where it says nothing.
OperationChoice choice_of(const Line& line, const Columns& columns, const OperationChoice& choice) {
  OperationChoice own = choice;
  if (const std::string_view text = optional_cell(line, columns, "op"); !text.empty()) {
    own =
        choice_for(parse_operation(text, fmt::format(" in column 'op' of {}", line.where)), choice);
  }
  // The library's structs say dense by zeros, and so may what a program traces by itself.
  const bool is_dense = own.operation == core::Operation::kDense;
  const auto is_blank = [&](std::string_view column) {
    const std::string_view text = optional_cell(line, columns, column);
    return text.empty() || (is_dense && text == "0");
  };
  if (!is_blank("groups")) {
    own.groups = {read_small_number(line, columns, "groups")};
  } else if (!is_dense && !own.says_groups) {
    throw core::UsageError(fmt::format("{} does not say how many groups its {} product has.",
                                       line.where, core::name(own.operation)),
                           "Write the number into its column 'groups'; with --shapes, --groups 32 "
                           "gives it to every line without one.");
  }
  if (!is_blank("alignment")) {
    own.alignments = {read_small_number(line, columns, "alignment")};
  }
  return own;
}

std::vector<core::GemmProblem> read_row(const Line& line, const Columns& columns,
                                        const OperationChoice& choice) {
  if (line.cells.size() != columns.size()) {
    throw core::UsageError(
        fmt::format("{} has {}, the header {}.", line.where,
                    counted(static_cast<long long>(line.cells.size()), "cell"), columns.size()),
        "Give every line as many cells as the header.");
  }
  const OperationChoice own = choice_of(line, columns, choice);
  core::GemmProblem problem{.operation = own.operation,
                            .m = read_number(line, columns, "m"),
                            .n = read_number(line, columns, "n"),
                            .k = read_number(line, columns, "k")};
  std::vector<core::GemmProblem> problems;
  for (const int groups : own.groups) {
    for (const int alignment : own.alignments) {
      problem.groups = groups;
      problem.alignment = alignment;
      require_legal(problem, line.where);
      problems.push_back(problem);
    }
  }
  return problems;
}

// Only where the row has any.
void read_draw(const Line& line, const Columns& columns, const core::GemmProblem& problem,
               core::GroupDraws& draws) {
  if (problem.operation == core::Operation::kDense) return;
  const std::string_view max_m = optional_cell(line, columns, "max_m");
  const std::string_view sizes = optional_cell(line, columns, "group_sizes");
  if (max_m.empty() && sizes.empty()) return;
  core::GroupDraw draw = draws.of(problem);
  if (!max_m.empty()) draw.max_m = read_number(line, columns, "max_m");
  if (!sizes.empty()) {
    draw.rows = parse_group_sizes(sizes, fmt::format("column 'group_sizes' of {}", line.where));
  }
  require_legal(problem, draw, line.where);
  if (draws.give(problem, draw)) return;
  throw core::UsageError(fmt::format("{} gives {} other rows than a line above.", line.where,
                                     core::to_string(problem)),
                         "Give each problem its rows once, and call again with the other rows.");
}

void pass_over(std::string_view /*remark*/) {}

[[noreturn]] void throw_no_shape(std::string_view name) {
  throw core::UsageError(fmt::format("{} holds no shape.", name), kFormat);
}

// Calls take(line, columns) for each line below the header, and remark(line) for each that starts
// with #.
template <class Take, class Remark = void (*)(std::string_view)>
void for_each_line(std::istream& stream, std::string_view name, Take take,
                   Remark remark = pass_over) {
  std::optional<Columns> columns;
  std::string text;
  for (int number = 1; std::getline(stream, text); ++number) {
    if (number == 1 && text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);  // spreadsheets' mark
    const std::string_view content = trim(text);
    if (content.starts_with('#')) remark(content);
    if (content.empty() || content.starts_with('#')) continue;
    const Line line{fmt::format("line {} of {}", number, name), split(content, ',')};
    if (!columns) {
      columns = read_header(line);
      continue;
    }
    take(line, *columns);
  }
}

std::ifstream open_csv(const std::filesystem::path& path, std::string_view what) {
  std::ifstream stream(path);
  if (!stream || std::filesystem::is_directory(path)) {
    throw core::UsageError(fmt::format("Cannot read the {} '{}'.", what, path.string()),
                           "Check the path and its permissions.");
  }
  return stream;
}

// Of all lines together, so that their sum is a number, too.
constexpr std::int64_t kMostCalls = 1'000'000'000'000'000;
constexpr const char* kScaleDown = "Scale the counts of the file down.";

std::int64_t read_count(const Line& line, const Columns& columns) {
  if (!columns.contains("count")) return 1;
  const std::int64_t count = read_number(line, columns, "count");
  if (count > kMostCalls) {
    throw core::UsageError(fmt::format("Column 'count' of {} is above {}.", line.where, kMostCalls),
                           kScaleDown);
  }
  if (count >= 0) return count;
  throw core::UsageError(fmt::format("Column 'count' of {} is negative.", line.where),
                         "Write how many calls had this shape.");
}

// "# 10 calls of further shapes: only 4096 are told apart", as the library ends a trace that is
// full; above kMostCalls where the number is too large to read; 0 for any other remark.
std::int64_t further_calls(std::string_view remark) {
  constexpr std::string_view kStart = "# ";
  constexpr std::string_view kWords = " calls of further shapes";
  if (!remark.starts_with(kStart)) return 0;
  remark.remove_prefix(kStart.size());
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(remark.data(), remark.data() + remark.size(), count);
  remark.remove_prefix(static_cast<std::size_t>(end - remark.data()));
  if (!remark.starts_with(kWords)) return 0;
  if (error == std::errc::result_out_of_range) return kMostCalls + 1;
  return error == std::errc() && count > 0 ? count : 0;
}

// Adds up the calls of several files.
class TraceReader {
 public:
  void read(const std::filesystem::path& path) {
    std::ifstream stream = open_csv(path, "trace");
    const std::string name = fmt::format("'{}'", path.string());
    names_ += (names_.empty() ? "" : ", ") + name;
    ++files_;
    const auto take = [this, &name](const Line& line, const Columns& columns) {
      const auto problem = read_row(line, columns, {}).front();
      const auto [place, is_new] = places_.emplace(core::order(problem), trace_.problems.size());
      if (is_new) trace_.problems.push_back({problem, 0});
      add(trace_.problems[place->second].count, read_count(line, columns), name);
    };
    const auto remark = [this, &name](std::string_view text) {
      const std::int64_t calls = further_calls(text);
      has_remark_ = has_remark_ || calls > 0;
      add(trace_.further, calls, name);
    };
    for_each_line(stream, name, take, remark);
  }

  // Throws UsageError where no file told of any call. One alone need not: its process may have run
  // nothing.
  Trace take() {
    if (trace_.problems.empty() && !has_remark_) {
      if (files_ == 1) throw_no_shape(names_);
      throw core::UsageError(fmt::format("None of {} holds a shape.", names_), kFormat);
    }
    return std::move(trace_);
  }

 private:
  void add(std::int64_t& sum, std::int64_t count, const std::string& name) {
    if (count > kMostCalls - all_) {
      throw core::UsageError(
          fmt::format("The calls up to {} are more than {} together.", name, kMostCalls),
          kScaleDown);
    }
    all_ += count;
    sum += count;
  }

  Trace trace_;
  std::string names_;  // of the files
  int files_ = 0;
  bool has_remark_ = false;
  std::map<decltype(core::order(core::GemmProblem{})), std::size_t> places_;
  std::int64_t all_ = 0;
};

}  // namespace

std::vector<core::GemmProblem> read_shapes(std::istream& stream, std::string_view name,
                                           const OperationChoice& choice, core::GroupDraws* draws) {
  std::vector<core::GemmProblem> problems;
  for_each_line(stream, name, [&](const Line& line, const Columns& columns) {
    for (const core::GemmProblem& problem : read_row(line, columns, choice)) {
      problems.push_back(problem);
      if (draws != nullptr) read_draw(line, columns, problem, *draws);
    }
    if (problems.size() > kMaxValues) {
      throw core::UsageError(fmt::format("{} has more than {} shapes.", name, kMaxValues),
                             "Split the file and call once for each part.");
    }
  });
  if (problems.empty()) throw_no_shape(name);
  return problems;
}

std::vector<core::GemmProblem> read_shape_file(const std::filesystem::path& path,
                                               const OperationChoice& choice,
                                               core::GroupDraws* draws) {
  std::ifstream stream = open_csv(path, "shapes file");
  return read_shapes(stream, fmt::format("'{}'", path.string()), choice, draws);
}

Trace read_traces(const std::vector<std::string>& paths) {
  TraceReader reader;
  for (const std::string& path : paths) reader.read(path);
  return reader.take();
}

}  // namespace deepgemm::app
