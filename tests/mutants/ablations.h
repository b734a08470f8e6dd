// Kernels with one stage left out. Their results are wrong; their times tell what a stage costs
// that nothing hides, and what the kernel would be held by without it.
#pragma once

#include <string_view>
#include <vector>

#include "tests/mutants/mutants.h"

namespace deepgemm::mutants {

struct Ablation {
  std::string_view name;  // "no promotion"
  bool (*applies)(const core::GemmConfig& config);
  std::vector<Edit> edits;
};

// Loads are left out behind the first lap of the ring only: the tensor core's power, and with it
// the clock, hangs on what it multiplies, so that must stay what was loaded. And what is left out
// stays behind a condition that never holds: ptxas removes all that computes an unused result,
// wgmma included.
const std::vector<Ablation>& ablations();

// Lets a kernel stay 10 us longer for each GHz of the clock that its blocks ran at: what NVML says
// is a slow average, and a kernel that keeps the tensor cores busy runs slower than that.
const std::vector<Edit>& clock_probe();

}  // namespace deepgemm::mutants
