// From the shapes of a command line to problems.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/problem.h"

namespace deepgemm::app {

// What a command line says about shapes.
struct ShapeArguments {
  std::string operation = "dense";
  std::vector<std::string> shapes;  // "MxNxK", each position a value list (app/value_list.h)
  std::string shapes_file;          // csv, app/shape_file.h; empty: none
  std::string preset;               // app/presets.h; empty: none
};

// Throws UsageError, naming the operations that exist.
core::Operation parse_operation(std::string_view text);

// Problems of one "MxNxK", m varying fastest. Throws UsageError where the text is no shape, or
// says which rule a shape breaks.
std::vector<core::GemmProblem> parse_shape(std::string_view text, core::Operation operation);

// All problems of a command line: shapes, then file, then preset; each once, in this order. Throws
// UsageError, also where there is no shape at all or more than kMaxValues.
std::vector<core::GemmProblem> collect_problems(const ShapeArguments& arguments);

// Throws UsageError with the rule that `problem` breaks; `where` starts the sentence, e.g.
// "Line 3 of shapes.csv" or "Shape '0x1x1'".
void require_legal(const core::GemmProblem& problem, std::string_view where);

}  // namespace deepgemm::app
