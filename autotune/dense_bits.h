// What a grouped result must be, to the bit: the dense kernel's, group by group.
#pragma once

#include <future>
#include <optional>

#include "autotune/stages.h"

namespace deepgemm::autotune {

// All kernels that do not split k sum in one order, so one dense config stands for all, of grouped
// kernels, too. It runs once for a problem; everyone's bits are compared with what it gave.
class DenseBits {
 public:
  // Has the dense kernel built where there is something to hold to it: a grouped problem, and a
  // line-up. `context` must outlive it.
  explicit DenseBits(TuneContext& context);

  // The first call runs the kernel. nullopt of a dense problem; also where the kernel does not
  // build, is itself found wrong, or the budget ends first, which the observer is told.
  std::optional<unsigned long long> get();

 private:
  std::optional<unsigned long long> run();

  TuneContext& context_;
  std::future<core::BuildResult> build_;  // valid: not run yet
  std::optional<unsigned long long> bits_;
};

}  // namespace deepgemm::autotune
