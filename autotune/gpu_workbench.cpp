#include "autotune/gpu_workbench.h"

#include "core/error.h"

namespace deepgemm::autotune {

GpuWorkbench::GpuWorkbench(const core::GemmProblem& problem, GpuTools& tools, const Nvml& nvml)
    : tools_(tools),
      nvml_(nvml),
      operands_(problem, tools.device, tools.stream),
      block_(tools.library.plan(LibraryRecipe::kBlockScaled, operands_, why_no_block_)),
      tensorwide_(tools.library.plan(LibraryRecipe::kTensorwide, operands_, why_no_tensorwide_)),
      d_(static_cast<std::size_t>(2 * operands_.padded_m() * problem.n)) {
  verifier_.emplace(operands_, block_.get(), why_no_block_, tools.device, tools.stream);
}

Workbench::Admission GpuWorkbench::admit(core::Contender contender, const core::Cubin* cubin) {
  Entry entry;
  if (contender == core::Contender::kCublasLtBlock) {
    if (!block_) return {-1, why_no_block_};
    entry.library = block_.get();
  } else if (contender == core::Contender::kCublasLtTensorwide) {
    if (!tensorwide_) return {-1, why_no_tensorwide_};
    entry.library = tensorwide_.get();
    entry.same_product = false;
  } else {
    try {
      entry.kernel.emplace(*cubin);
    } catch (const core::EnvironmentError& error) {
      return {-1, error.what()};
    }
  }
  contenders_.emplace(next_id_, std::move(entry));
  return {next_id_++, ""};
}

int GpuWorkbench::launch(const Entry& entry, void* d) const {
  if (entry.kernel) {
    return entry.kernel->launch(operands_.problem(), operands_.writing_to(d), tools_.stream.get());
  }
  entry.library->launch(operands_, d, tools_.stream);
  return 0;
}

Check GpuWorkbench::verify(int id) {
  const Entry& entry = contenders_.at(id);
  // Without fine scales the product is another one; it races, it is not checked.
  if (!entry.same_product) return {};
  return verifier_->check([&](void* d) { return launch(entry, d); });
}

Round GpuWorkbench::round(std::span<const int> ids) {
  std::vector<std::function<void()>> launches;
  for (const int id : ids) {
    launches.emplace_back([this, &entry = contenders_.at(id)] {
      if (const int error = launch(entry, d_.data()); error != 0) {
        throw core::EnvironmentError(
            "A verified kernel failed to launch with CUDA error " + std::to_string(error),
            "Check the GPU with nvidia-smi and run again.");
      }
    });
  }
  Round round;
  round.slowed = nvml_.slowed();
  round.times_us = tools_.timer().sample(launches);
  round.sm_clock_mhz = nvml_.sm_clock_mhz();
  round.slowed = round.slowed || nvml_.slowed();
  return round;
}

}  // namespace deepgemm::autotune
