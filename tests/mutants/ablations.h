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
// the clock, hangs on what it multiplies, so that must stay what was loaded.
const std::vector<Ablation>& ablations();

}  // namespace deepgemm::mutants
