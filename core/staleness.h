// How far a stored row may be trusted where it is read: graded, never a hard failure.
#pragma once

#include <string>
#include <string_view>

#include "core/trial.h"

namespace deepgemm::core {

// In the order of rising doubt.
enum class Staleness {
  kCurrent,  // what decides times and numbers is the same here: use
  kVerify,   // another driver, other clocks or power limit: use, and let deepgemm-db verify it
  kRetune,   // other kernel sources or NVRTC: its configs are seeds for the next tune
  kHint,     // another kind of GPU: a hint only
};
std::string_view name(Staleness staleness);  // "current", "verify", "re-tune", "hint"

struct StalenessGrade {
  Staleness staleness = Staleness::kCurrent;
  std::string reason;  // one clause without full stop; empty for kCurrent
};

// Judges a row recorded in `recorded` for a machine like `here`. What is empty or 0 in either is
// not known and not compared; which one of several equal GPUs it was does not matter.
StalenessGrade grade(const Environment& recorded, const Environment& here);

// `here` as the runtime library knows its machine: without NVRTC, which it does not open, and of
// the clocks only what the CUDA driver tells. Rows are chosen by this everywhere, so that a tool
// that knows more names the row that the library runs.
Environment as_library_sees(const Environment& here);

}  // namespace deepgemm::core
