// cuBLASLt as reference and as opponent, opened at run time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "autotune/operands.h"
#include "core/graph.h"

namespace deepgemm::autotune {

enum class LibraryRecipe {
  kBlockScaled,  // VEC128_32F x BLK128x128_32F: the same product as ours
  kTensorwide,   // one scale per tensor, fast accumulation: no fine scales at all
};

// A product planned by cuBLASLt: descriptors, layouts and the one algorithm that its heuristic
// returns. m is padded to a multiple of 4, as block scaling demands.
//
// cuBLASLt has no grouped product with these scales. What a program can do with it instead is a
// launch for each group that has rows, one behind the other, replayed as one graph, so that the
// GPU waits for no launch. That needs the row counts on the host before the launch, which a
// grouped-masked product does not.
class LibraryGemm {
 public:
  ~LibraryGemm();

  // Enqueues the product into bf16 D [Operands::padded_rows, n]. Of a grouped problem it writes up
  // to three rows behind each group's, and groups in ascending order. Throws EnvironmentError.
  void launch(const Operands& operands, void* d, const core::Stream& stream) const;

  // Enqueues it once where launch() would have to make its graph first, which takes the host longer
  // than the product takes the GPU: before the launch is timed.
  void prepare(const Operands& operands, void* d, const core::Stream& stream) const;

 private:
  friend class CublasLt;
  struct Plan;
  explicit LibraryGemm(std::vector<std::unique_ptr<Plan>> plans);
  void enqueue(const Operands& operands, void* d, const core::Stream& stream) const;

  std::vector<std::unique_ptr<Plan>> plans_;  // by group; null where it has no rows
  // The last D that a grouped product was launched for.
  mutable std::optional<core::Graph> graph_;
  mutable void* graph_of_ = nullptr;
};

class CublasLt {
 public:
  // Needs a current context. Throws EnvironmentError, with the next step, where cuBLASLt is
  // missing or older than 12.9 (the first with 128x128 scales).
  CublasLt();
  ~CublasLt();

  // "13.0.2". Needs no context. Throws EnvironmentError where cuBLASLt is missing.
  static std::string version();
  // nullptr where cuBLASLt refuses the shape, or that of one group; `why` then has a sentence.
  std::unique_ptr<LibraryGemm> plan(LibraryRecipe recipe, const Operands& operands,
                                    std::string& why) const;

 private:
  std::unique_ptr<LibraryGemm::Plan> plan_group(LibraryRecipe recipe, const GroupProduct& group,
                                                std::string& why) const;

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace deepgemm::autotune
