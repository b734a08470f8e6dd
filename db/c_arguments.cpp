#include "db/c_arguments.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace deepgemm::db {
namespace {

std::optional<std::string> why_bad_pointer(const char* name, const void* pointer,
                                           std::uintptr_t alignment) {
  if (pointer == nullptr) return std::string("operand ") + name + " is null";
  if (reinterpret_cast<std::uintptr_t>(pointer) % alignment == 0) return std::nullopt;
  return std::string("operand ") + name + " is not aligned to " + std::to_string(alignment) +
         " bytes";
}

deepgemm_match match_of(core::Match match) {
  switch (match) {
    case core::Match::kExact:
      return DEEPGEMM_MATCH_EXACT;
    case core::Match::kBucket:
      return DEEPGEMM_MATCH_BUCKET;
    case core::Match::kOtherDevice:
      return DEEPGEMM_MATCH_OTHER_DEVICE;
    case core::Match::kNearest:
      return DEEPGEMM_MATCH_NEAREST;
    case core::Match::kFallback:
      return DEEPGEMM_MATCH_FALLBACK;
    case core::Match::kCompiled:
      return DEEPGEMM_MATCH_COMPILED;
    case core::Match::kNone:
      break;
  }
  return DEEPGEMM_MATCH_NONE;
}

deepgemm_staleness staleness_of(core::Staleness staleness) {
  switch (staleness) {
    case core::Staleness::kCurrent:
      return DEEPGEMM_CURRENT;
    case core::Staleness::kVerify:
      return DEEPGEMM_VERIFY;
    case core::Staleness::kRetune:
      return DEEPGEMM_RETUNE;
    case core::Staleness::kHint:
      return DEEPGEMM_HINT;
  }
  return DEEPGEMM_CURRENT;
}

template <std::size_t size>
void copy_text(char (&target)[size], std::string_view text) {
  const std::size_t taken = std::min(text.size(), size - 1);
  copy_short(target, text.data(), taken);
  target[taken] = '\0';
}

}  // namespace

std::optional<std::string> why_bad(const deepgemm_problem* problem) {
  if (problem == nullptr) return "the problem is null";
  if (problem->operation < DEEPGEMM_DENSE || problem->operation > DEEPGEMM_GROUPED_MASKED) {
    return "operation = " + std::to_string(static_cast<int>(problem->operation)) +
           " is no deepgemm_operation; unset fields of a problem must be 0";
  }
  return core::why_illegal(problem_of(*problem));
}

std::optional<std::string> why_bad(const deepgemm_operands* operands,
                                   const deepgemm_problem& problem) {
  if (operands == nullptr) return "the operands are null";
  // 16: what TMA asks of a tensor's address.
  if (auto why = why_bad_pointer("a", operands->a, 16)) return why;
  if (auto why = why_bad_pointer("b", operands->b, 16)) return why;
  if (auto why = why_bad_pointer("scale_a", operands->scale_a, 16)) return why;
  if (auto why = why_bad_pointer("scale_b", operands->scale_b, alignof(float))) return why;
  if (auto why = why_bad_pointer("d", operands->d, 16)) return why;
  if (problem.operation == DEEPGEMM_DENSE) return std::nullopt;
  if (auto why = why_bad_pointer("rows", operands->rows, alignof(std::int32_t))) return why;
  const bool masked = problem.operation == DEEPGEMM_GROUPED_MASKED;
  const std::int64_t most = core::kMaxExtent / (masked ? problem.groups : 1);
  if (operands->row_extent >= 1 && operands->row_extent <= most) return std::nullopt;
  return "row_extent = " + std::to_string(operands->row_extent) + " must be from 1 to " +
         std::to_string(most) +
         (masked ? ": it is the rows that each group has room for"
                 : ": it is the rows of all groups, with padding");
}

core::GemmProblem problem_of(const deepgemm_problem& problem) {
  core::GemmProblem converted;
  converted.m = problem.m;
  converted.n = problem.n;
  converted.k = problem.k;
  if (problem.operation == DEEPGEMM_GROUPED_CONTIGUOUS) {
    converted.operation = core::Operation::kGroupedContiguous;
  } else if (problem.operation == DEEPGEMM_GROUPED_MASKED) {
    converted.operation = core::Operation::kGroupedMasked;
  }
  const bool dense = problem.operation == DEEPGEMM_DENSE;
  converted.groups = dense && problem.groups == 0 ? 1 : problem.groups;
  converted.alignment =
      problem.alignment == 0 ? core::usual_alignment(converted.operation) : problem.alignment;
  return converted;
}

core::GemmOperands operands_of(const deepgemm_operands& operands) {
  return {operands.a, operands.b,    operands.scale_a,   operands.scale_b,
          operands.d, operands.rows, operands.row_extent};
}

std::optional<std::string> why_bad(deepgemm_miss miss) {
  if (miss >= DEEPGEMM_MISS_ERROR && miss <= DEEPGEMM_MISS_COMPILE) return std::nullopt;
  return "miss = " + std::to_string(static_cast<int>(miss)) + " is no deepgemm_miss";
}

MissPolicy policy_of(deepgemm_miss miss) {
  switch (miss) {
    case DEEPGEMM_MISS_NEAREST:
      return MissPolicy::kNearest;
    case DEEPGEMM_MISS_FALLBACK:
      return MissPolicy::kFallback;
    case DEEPGEMM_MISS_COMPILE:
      return MissPolicy::kCompile;
    case DEEPGEMM_MISS_ERROR:
    case DEEPGEMM_MISS_MAX_ENUM:
      break;
  }
  return MissPolicy::kError;
}

void fill(deepgemm_found& found, const Found& answer) {
  // Views throughout: a conditional of a literal and a string would be a new string.
  using Text = std::string_view;
  found.match = match_of(answer.match);
  copy_text(found.config, answer.config == nullptr ? Text() : Text(*answer.config));
  copy_text(found.kernel_key, answer.kernel == nullptr ? Text() : Text(answer.kernel->key));
  found.time_us = answer.row == nullptr ? 0 : answer.row->time_us;
  found.measured = answer.row != nullptr && answer.row->measured ? 1 : 0;
  found.staleness =
      answer.grade == nullptr ? DEEPGEMM_CURRENT : staleness_of(answer.grade->staleness);
  copy_text(found.staleness_reason, answer.grade == nullptr ? Text() : Text(answer.grade->reason));
  copy_text(found.source, answer.file == nullptr ? Text() : Text(answer.file->native()));
  // Last, because it was just written in small pieces: reading it at once would wait for them.
  copy_text(found.reason, answer.reason.view());
}

}  // namespace deepgemm::db
