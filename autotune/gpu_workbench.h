// One problem on a real GPU.
#pragma once

#include <map>
#include <optional>

#include "autotune/cublaslt.h"
#include "autotune/executor.h"
#include "autotune/nvml.h"
#include "autotune/timer.h"
#include "autotune/verifier.h"

namespace deepgemm::autotune {

// What all problems of one GPU share. Members are made and unmade in this order.
struct GpuTools {
  explicit GpuTools(int sms) : sms(sms) {}

  int sms;
  core::Stream stream;
  DeviceTools device{stream};
  CublasLt library;

  // Made by the first call.
  Timer& timer() {
    if (!timer_) timer_.emplace(stream);
    return *timer_;
  }

 private:
  std::optional<Timer> timer_;
};

// What the memory floor reads and writes: bytes of its own, so that any problem can be moved.
struct FloorBuffers {
  core::DeviceBuffer source;
  core::DeviceBuffer target;
};

class GpuWorkbench final : public Workbench {
 public:
  // `tools` and `nvml` must outlive it. Allocates all memory of the problem.
  GpuWorkbench(const core::GemmProblem& problem, const core::GroupDraw& draw, GpuTools& tools,
               const Nvml& nvml);

  std::string reference() const override { return verifier_->reference(); }
  std::string reference_note() const override { return verifier_->note(); }
  Admission admit(core::Contender contender, const core::Cubin* cubin) override;
  void dismiss(int id) override { contenders_.erase(id); }
  Check verify(int id) override;
  Round round(std::span<const int> ids) override;

 private:
  // Exactly one of the first three is set.
  struct Entry {
    std::optional<core::GemmKernel> kernel;
    const LibraryGemm* library = nullptr;
    std::optional<FloorBuffers> floor;
  };

  int launch(const Entry& entry, void* d) const;
  Entry make_entry(core::Contender contender, const core::Cubin* cubin) const;

  GpuTools& tools_;
  const Nvml& nvml_;
  Operands operands_;
  std::string why_no_block_;
  std::string why_no_tensorwide_;
  std::unique_ptr<LibraryGemm> block_;
  std::unique_ptr<LibraryGemm> tensorwide_;
  std::optional<Verifier> verifier_;
  core::DeviceBuffer d_;  // what timed launches write
  std::map<int, Entry> contenders_;
  int next_id_ = 0;
};

}  // namespace deepgemm::autotune
