// Shapes from a csv file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <istream>
#include <string_view>
#include <vector>

#include "core/problem.h"

namespace deepgemm::app {

// Reads csv whose header names m, n and k and may name op and groups, in any order; other columns
// are ignored, so that a table of results serves as a list of shapes. Empty lines and lines that
// start with # are skipped. Rows without op get `operation`. Throws UsageError that names the file,
// the line and the column.
std::vector<core::GemmProblem> read_shape_file(const std::filesystem::path& path,
                                               core::Operation operation);

// The same from a stream; `name` stands for the file in errors.
std::vector<core::GemmProblem> read_shapes(std::istream& stream, std::string_view name,
                                           core::Operation operation);

// A shape that a program asked for, and how often.
struct TracedProblem {
  core::GemmProblem problem;
  std::int64_t count = 1;
};

// Reads the same kind of csv with a column count; without it each line stands for one call. Lines
// of one shape are added up. Throws UsageError.
std::vector<TracedProblem> read_trace(const std::filesystem::path& path);

}  // namespace deepgemm::app
