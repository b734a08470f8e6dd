// Shapes from a csv file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <istream>
#include <string>
#include <string_view>
#include <vector>

#include "app/shape_parser.h"

namespace deepgemm::app {

// Reads csv whose header names m, n and k and may name op, groups and alignment, in any order;
// other columns are ignored, so that a table of results serves as a list of shapes. Empty lines and
// lines that start with # are skipped. Columns that are missing, or empty in a row, are filled from
// `choice`, as are zeros of a dense product's groups and alignment; a row then stands for a problem
// of each of its groups and alignments. Throws UsageError that names the file, the line and the
// column, also for a grouped product where neither says how many groups it has.
//
// Columns max_m and group_sizes ("617 591 487") give the rows to measure with, into `draws` where
// that is not null.
std::vector<core::GemmProblem> read_shape_file(const std::filesystem::path& path,
                                               const OperationChoice& choice,
                                               core::GroupDraws* draws = nullptr);

// The same from a stream; `name` stands for the file in errors.
std::vector<core::GemmProblem> read_shapes(std::istream& stream, std::string_view name,
                                           const OperationChoice& choice,
                                           core::GroupDraws* draws = nullptr);

// A shape that a program asked for, and how often.
struct TracedProblem {
  core::GemmProblem problem;
  std::int64_t count = 1;
};

// What a program asked for, as far as it is told apart.
struct Trace {
  std::vector<TracedProblem> problems;
  std::int64_t further = 0;  // calls of shapes that are not among them, see db::Trace
};

// Reads the same kind of csv with a column count; without it each line stands for one call. Lines
// of one shape are added up, over all files, as is what remarks say of further shapes. Throws
// UsageError, also where the files together hold nothing, or the sum of all is above 10^15.
Trace read_traces(const std::vector<std::string>& paths);

}  // namespace deepgemm::app
