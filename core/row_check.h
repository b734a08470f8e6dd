// Checks of what only the GPU knows of a grouped product, for debugging.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "core/gemm_kernel.h"

namespace deepgemm::core {

// The rule that the rows of a grouped product break, as a sentence with the place; nullopt if they
// are legal. `rows` is GemmOperands::rows, `extent` GemmOperands::row_extent.
//
// Grouped-contiguous: each is negative or a group that exists; a group starts at a multiple of the
// problem's alignment; no other group lies between two of its rows. Grouped-masked: each is from 0
// to `extent`.
std::optional<std::string> why_bad_rows(const GemmProblem& problem, std::int64_t extent,
                                        std::span<const int> rows);

// The same of rows in device memory: waits for `stream` and reads them. nullopt also while the
// stream is being captured. Throws EnvironmentError where the driver refuses.
std::optional<std::string> why_bad_rows(const GemmProblem& problem, const GemmOperands& operands,
                                        CUstream_st* stream);

}  // namespace deepgemm::core
