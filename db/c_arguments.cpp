#include "db/c_arguments.h"

#include <cstdint>
#include <cstdio>

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
    case core::Match::kNone:
      break;
  }
  return DEEPGEMM_MATCH_NONE;
}

template <std::size_t size>
void copy_text(char (&target)[size], const std::string& text) {
  std::snprintf(target, size, "%s", text.c_str());
}

}  // namespace

std::optional<std::string> why_bad(const deepgemm_problem* problem) {
  if (problem == nullptr) return "the problem is null";
  return core::why_illegal(problem_of(*problem));
}

std::optional<std::string> why_bad(const deepgemm_operands* operands) {
  if (operands == nullptr) return "the operands are null";
  // 16: what TMA asks of a tensor's address.
  if (auto why = why_bad_pointer("a", operands->a, 16)) return why;
  if (auto why = why_bad_pointer("b", operands->b, 16)) return why;
  if (auto why = why_bad_pointer("scale_a", operands->scale_a, 16)) return why;
  if (auto why = why_bad_pointer("scale_b", operands->scale_b, alignof(float))) return why;
  return why_bad_pointer("d", operands->d, 16);
}

core::GemmProblem problem_of(const deepgemm_problem& problem) {
  core::GemmProblem converted;
  converted.m = problem.m;
  converted.n = problem.n;
  converted.k = problem.k;
  return converted;
}

core::DenseOperands operands_of(const deepgemm_operands& operands) {
  return {operands.a, operands.b, operands.scale_a, operands.scale_b, operands.d};
}

deepgemm_found found_of(const core::Lookup& lookup) {
  deepgemm_found found{};
  found.match = match_of(lookup.match);
  copy_text(found.reason, lookup.reason);
  if (!lookup.winner) return found;
  copy_text(found.config, core::to_string(lookup.winner->config));
  copy_text(found.kernel_key, lookup.winner->kernel_key);
  found.time_us = lookup.winner->median_us;
  found.measured = lookup.winner->measured ? 1 : 0;
  return found;
}

}  // namespace deepgemm::db
