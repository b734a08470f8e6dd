// From the shapes of a command line to problems.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/group_rows.h"
#include "core/problem.h"

namespace deepgemm::app {

// What a command line says about shapes.
struct ShapeArguments {
  std::string operation = "dense";
  std::string groups;               // value list; empty: as many as there are sizes, else 1
  std::string alignments;           // value list; empty: core::usual_alignment
  std::vector<std::string> shapes;  // "MxNxK", each position a value list (app/value_list.h)
  std::string shapes_file;          // csv, app/shape_file.h; empty: none
  std::string preset;               // app/presets.h; empty: none
  // The rows that grouped problems are measured with.
  std::string skew = "even";
  std::int64_t max_m = 0;   // 0: derived
  std::string group_sizes;  // "617,591,487", for one shape; empty: drawn
};

// The operation of shapes that do not name one themselves, and what else it asks for. A shape
// stands for a problem of each of `groups` and `alignments`.
struct OperationChoice {
  OperationChoice(core::Operation op = core::Operation::kDense)  // NOLINT: no groups, no more words
      : operation(op), alignments{core::usual_alignment(op)} {}

  core::Operation operation;
  std::vector<int> groups{1};
  bool says_groups = false;  // the command line does; else the 1 above is that of dense products
  std::vector<int> alignments;
};

// Throws UsageError, naming the operations that exist, or where --groups or --alignment do not fit
// the operation.
OperationChoice parse_operation(const ShapeArguments& arguments);

// Throws UsageError that lists the operations.
core::Operation parse_operation(std::string_view text, std::string_view where);

// Problems of one "MxNxK", m varying fastest. Throws UsageError where the text is no shape, or
// says which rule a shape breaks.
std::vector<core::GemmProblem> parse_shape(std::string_view text, const OperationChoice& choice);

// "617,591,487" or "617 591 487", repetitions and all. Throws UsageError.
std::vector<std::int64_t> parse_group_sizes(std::string_view text, std::string_view what);

struct Shapes {
  std::vector<core::GemmProblem> problems;
  core::GroupDraws draws;
};

// All problems of a command line: shapes, then file, then preset; each once, in this order. Throws
// UsageError, also where there is no shape at all or more than kMaxValues, or where rows are given
// that a problem cannot have.
Shapes collect_shapes(const ShapeArguments& arguments);

// The same without the rows.
std::vector<core::GemmProblem> collect_problems(const ShapeArguments& arguments);

// Throws UsageError with the rule that `problem` breaks; `where` starts the sentence, e.g.
// "Line 3 of shapes.csv" or "Shape '0x1x1'".
void require_legal(const core::GemmProblem& problem, std::string_view where);
void require_legal(const core::GemmProblem& problem, const core::GroupDraw& draw,
                   std::string_view where);

}  // namespace deepgemm::app
