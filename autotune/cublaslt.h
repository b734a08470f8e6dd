// cuBLASLt as reference and as opponent, opened at run time.
#pragma once

#include <memory>
#include <string>

#include "autotune/operands.h"

namespace deepgemm::autotune {

enum class LibraryRecipe {
  kBlockScaled,  // VEC128_32F x BLK128x128_32F: the same product as ours
  kTensorwide,   // one scale per tensor, fast accumulation: no fine scales at all
};

// A product planned by cuBLASLt: descriptors, layouts and the one algorithm that its heuristic
// returns. m is padded to a multiple of 4, as block scaling demands.
class LibraryGemm {
 public:
  ~LibraryGemm();

  // Enqueues the product into bf16 D [padded m, n]. Throws EnvironmentError.
  void launch(const Operands& operands, void* d, const core::Stream& stream) const;

 private:
  friend class CublasLt;
  struct Plan;
  explicit LibraryGemm(std::unique_ptr<Plan> plan);
  std::unique_ptr<Plan> plan_;
};

class CublasLt {
 public:
  // Needs a current context. Throws EnvironmentError, with the next step, where cuBLASLt is
  // missing or older than 12.9 (the first with 128x128 scales).
  CublasLt();
  ~CublasLt();

  // "13.0.2". Needs no context. Throws EnvironmentError where cuBLASLt is missing.
  static std::string version();
  // nullptr where cuBLASLt refuses the shape; `why` then has a sentence.
  std::unique_ptr<LibraryGemm> plan(LibraryRecipe recipe, const Operands& operands,
                                    std::string& why) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace deepgemm::autotune
