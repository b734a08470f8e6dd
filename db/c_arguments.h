// What a C caller may get wrong. Each answer is one sentence; nullopt means that all is well.
#pragma once

#include <optional>
#include <string>

#include "core/gemm_kernel.h"
#include "core/include/deepgemm/deepgemm.h"
#include "core/problem.h"
#include "db/runtime.h"

namespace deepgemm::db {

// A missing pointer or a shape that core::why_illegal refuses.
std::optional<std::string> why_bad(const deepgemm_problem* problem);

// A missing or misaligned pointer.
// `problem` is legal.
std::optional<std::string> why_bad(const deepgemm_operands* operands,
                                   const deepgemm_problem& problem);

core::GemmProblem problem_of(const deepgemm_problem& problem);
core::GemmOperands operands_of(const deepgemm_operands& operands);

// Any value of the enum.
std::optional<std::string> why_bad(deepgemm_miss miss);
MissPolicy policy_of(deepgemm_miss miss);

// Texts that do not fit are cut.
void fill(deepgemm_found& found, const Found& answer);

}  // namespace deepgemm::db
