#include "autotune/gpu_workbench.h"

#include "core/error.h"

namespace deepgemm::autotune {
namespace {

// Runs a dense kernel on the rows of one group after the other. Returns 0 or the driver's error.
int launch_by_group(const core::GemmKernel& dense, const Operands& operands, void* d,
                    const core::Stream& stream) {
  for (int g = 0; g < operands.groups(); ++g) {
    GroupProduct group = operands.group(g, d);
    if (group.segment.rows == 0) continue;
    group.operands.scale_a = group.packed_scale_a;
    const int error = dense.launch(group.problem, group.operands, stream.get());
    if (error != 0) return error;
  }
  return 0;
}

}  // namespace

GpuWorkbench::GpuWorkbench(const core::GemmProblem& problem, const core::GroupDraw& draw,
                           GpuTools& tools, const Nvml& nvml)
    : tools_(tools),
      nvml_(nvml),
      operands_(problem, draw, tools.device, tools.stream),
      block_(tools.library.plan(LibraryRecipe::kBlockScaled, operands_, why_no_block_)),
      tensorwide_(tools.library.plan(LibraryRecipe::kTensorwide, operands_, why_no_tensorwide_)),
      d_(static_cast<std::size_t>(2 * operands_.padded_rows() * problem.n)) {
  verifier_.emplace(operands_, block_.get(), why_no_block_, tools.device, tools.stream);
}

// Throws Error where the contender cannot run.
GpuWorkbench::Entry GpuWorkbench::make_entry(core::Contender contender,
                                             const core::Cubin* cubin) const {
  const auto library = [](const std::unique_ptr<LibraryGemm>& gemm, const std::string& why_not) {
    if (!gemm) throw core::EnvironmentError(why_not, "");
    return gemm.get();
  };
  Entry entry;
  switch (contender) {
    case core::Contender::kCublasLtBlock:
      entry.library = library(block_, why_no_block_);
      break;
    case core::Contender::kCublasLtTensorwide:
      entry.library = library(tensorwide_, why_no_tensorwide_);
      break;
    case core::Contender::kMemoryFloor: {
      const auto bytes = [](std::int64_t count) {
        return static_cast<std::size_t>(whole_copies(count));
      };
      entry.floor.emplace(FloorBuffers{
          core::DeviceBuffer(bytes(core::bytes_read(operands_.problem(), operands_.draw()))),
          core::DeviceBuffer(bytes(core::bytes_written(operands_.problem(), operands_.draw())))});
      break;
    }
    case core::Contender::kCandidate:
    case core::Contender::kDefault:
      entry.kernel.emplace(*cubin);
      break;
  }
  return entry;
}

Workbench::Admission GpuWorkbench::admit(core::Contender contender, const core::Cubin* cubin) {
  try {
    contenders_.emplace(next_id_, make_entry(contender, cubin));
  } catch (const core::Error& error) {
    return {-1, error.what()};
  }
  return {next_id_++, ""};
}

int GpuWorkbench::launch(const Entry& entry, void* d) const {
  const core::GemmProblem& problem = operands_.problem();
  if (entry.kernel) {
    if (operands_.grouped() && entry.kernel->config().operation == kernels::kDense) {
      return launch_by_group(*entry.kernel, operands_, d, tools_.stream);
    }
    return entry.kernel->launch(problem, operands_.writing_to(d), tools_.stream.get());
  }
  if (entry.floor) {
    const core::GroupDraw& draw = operands_.draw();
    tools_.device.move_bytes(entry.floor->source.data(), core::bytes_read(problem, draw),
                             entry.floor->target.data(), core::bytes_written(problem, draw),
                             tools_.sms);
    return 0;
  }
  entry.library->launch(operands_, d, tools_.stream);
  return 0;
}

Check GpuWorkbench::verify(int id) {
  const Entry& entry = contenders_.at(id);
  // Libraries and the memory floor race; they are not checked.
  if (!entry.kernel) return {};
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
