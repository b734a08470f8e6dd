// One problem on a real GPU.
#pragma once

#include <deque>
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
  // `tools` and `nvml` must outlive it. Allocates all memory that verifying needs; rounds of a
  // small problem take more.
  GpuWorkbench(const core::GemmProblem& problem, const core::GroupDraw& draw, GpuTools& tools,
               const Nvml& nvml);

  std::string reference() const override { return verifier_->reference(); }
  std::string reference_note() const override { return verifier_->note(); }
  Admission admit(core::Contender contender, const core::Cubin* cubin) override;
  void dismiss(int id) override { contenders_.erase(id); }
  Check verify(int id) override;
  Round round(std::span<const int> ids) override;

 private:
  // The operands at one place in device memory, and where timed launches write. Where the pages lie
  // makes up to 0.5 % of a short kernel, for one kernel more than for another, and no number of
  // rounds on the same pages shows it: so the rounds of a race take turns on many places, all with
  // the same data.
  struct Place {
    Place(const core::GemmProblem& problem, const core::GroupDraw& draw, const GpuTools& tools);

    Operands operands;
    core::DeviceBuffer d;
    std::unique_ptr<LibraryGemm> block;
    std::unique_ptr<LibraryGemm> tensorwide;
  };

  struct Entry {
    core::Contender contender;
    std::optional<core::GemmKernel> kernel = std::nullopt;  // of ours
    std::optional<FloorBuffers> floor = std::nullopt;       // of the memory floor
    std::optional<double> first_us = std::nullopt;          // its first sample
  };

  Place& first_place() { return places_.front(); }
  Place& next_place();
  // Throws EnvironmentError where cuBLASLt refuses the problem.
  const LibraryGemm& library(core::Contender contender, Place& place);
  int launch(const Entry& entry, Place& place, void* d);
  Entry make_entry(core::Contender contender, const core::Cubin* cubin);

  GpuTools& tools_;
  const Nvml& nvml_;
  std::deque<Place> places_;  // the first is verified on
  std::size_t most_places_;
  std::size_t rounds_ = 0;
  std::optional<Verifier> verifier_;
  std::map<int, Entry> contenders_;
  int next_id_ = 0;
};

}  // namespace deepgemm::autotune
