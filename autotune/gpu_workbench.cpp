#include "autotune/gpu_workbench.h"

#include <algorithm>

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

// Operands of one problem lie at so many places, where these take no more than kMostBytes together.
constexpr std::int64_t kMostPlaces = 64;
constexpr std::int64_t kMostBytes = std::int64_t{4} << 30;

std::size_t places_for(const core::GemmProblem& problem, const core::GroupDraw& draw) {
  const std::int64_t room =
      std::min<std::int64_t>(kMostBytes, static_cast<std::int64_t>(core::free_device_bytes() / 4));
  const std::int64_t rows = core::all_rows(problem, draw);
  const std::int64_t bytes =
      rows * (problem.k + 2 * problem.n) + problem.groups * problem.n * problem.k;
  return static_cast<std::size_t>(std::clamp<std::int64_t>(room / bytes, 1, kMostPlaces));
}

bool is_library(core::Contender contender) {
  return contender == core::Contender::kCublasLtBlock ||
         contender == core::Contender::kCublasLtTensorwide;
}

// Whether cold code would show in a time: it makes 0.3 us at most.
bool is_brief(const std::optional<double>& first_us) { return !first_us || *first_us < 100; }

}  // namespace

GpuWorkbench::Place::Place(const core::GemmProblem& problem, const core::GroupDraw& draw,
                           const GpuTools& tools)
    : operands(problem, draw, tools.device, tools.stream),
      d(static_cast<std::size_t>(2 * operands.padded_rows() * problem.n)) {}

GpuWorkbench::GpuWorkbench(const core::GemmProblem& problem, const core::GroupDraw& draw,
                           GpuTools& tools, const Nvml& nvml)
    : tools_(tools), nvml_(nvml), most_places_(places_for(problem, draw)) {
  Place& place = places_.emplace_back(problem, draw, tools);
  std::string why_no_block;
  place.block = tools.library.plan(LibraryRecipe::kBlockScaled, place.operands, why_no_block);
  verifier_.emplace(place.operands, place.block.get(), why_no_block, tools.device, tools.stream);
}

GpuWorkbench::Place& GpuWorkbench::next_place() {
  const std::size_t index = rounds_++ % most_places_;
  if (index < places_.size()) return places_[index];
  try {
    const Operands& first = first_place().operands;
    return places_.emplace_back(first.problem(), first.draw(), tools_);
  } catch (const core::EnvironmentError&) {
    most_places_ = places_.size();  // somebody else has the memory by now
    return first_place();
  }
}

const LibraryGemm& GpuWorkbench::library(core::Contender contender, Place& place) {
  const bool is_block = contender == core::Contender::kCublasLtBlock;
  std::unique_ptr<LibraryGemm>& gemm = is_block ? place.block : place.tensorwide;
  if (!gemm) {
    std::string why_not;
    gemm = tools_.library.plan(is_block ? LibraryRecipe::kBlockScaled : LibraryRecipe::kTensorwide,
                               place.operands, why_not);
    if (!gemm) throw core::EnvironmentError(why_not, "");
  }
  return *gemm;
}

// Throws Error where the contender cannot run.
GpuWorkbench::Entry GpuWorkbench::make_entry(core::Contender contender, const core::Cubin* cubin) {
  Entry entry{contender};
  switch (contender) {
    case core::Contender::kCublasLtBlock:
    case core::Contender::kCublasLtTensorwide:
      library(contender, first_place());
      break;
    case core::Contender::kMemoryFloor: {
      const Operands& operands = first_place().operands;
      const auto bytes = [](std::int64_t count) {
        return static_cast<std::size_t>(whole_copies(count));
      };
      entry.floor.emplace(FloorBuffers{
          core::DeviceBuffer(bytes(core::bytes_read(operands.problem(), operands.draw()))),
          core::DeviceBuffer(bytes(core::bytes_written(operands.problem(), operands.draw())))});
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

int GpuWorkbench::launch(const Entry& entry, Place& place, void* d) {
  const Operands& operands = place.operands;
  const core::GemmProblem& problem = operands.problem();
  if (entry.kernel) {
    if (operands.grouped() && entry.kernel->config().operation == kernels::kDense) {
      return launch_by_group(*entry.kernel, operands, d, tools_.stream);
    }
    return entry.kernel->launch(problem, operands.writing_to(d), tools_.stream.get());
  }
  if (entry.floor) {
    const core::GroupDraw& draw = operands.draw();
    tools_.device.move_bytes(entry.floor->source.data(), core::bytes_read(problem, draw),
                             entry.floor->target.data(), core::bytes_written(problem, draw),
                             tools_.sms);
    return 0;
  }
  library(entry.contender, place).launch(operands, d, tools_.stream);
  return 0;
}

Check GpuWorkbench::verify(int id) {
  const Entry& entry = contenders_.at(id);
  // Libraries and the memory floor race; they are not checked.
  if (!entry.kernel) return {};
  return verifier_->check([&](void* d) { return launch(entry, first_place(), d); });
}

Round GpuWorkbench::round(std::span<const int> ids) {
  Place& place = next_place();
  std::vector<Timer::Launch> launches;
  for (const int id : ids) {
    const Entry& entry = contenders_.at(id);
    if (is_library(entry.contender)) {
      library(entry.contender, place).prepare(place.operands, place.d.data(), tools_.stream);
    }
    const auto enqueue = [this, &entry, &place] {
      if (const int error = launch(entry, place, place.d.data()); error != 0) {
        throw core::EnvironmentError(
            "A verified kernel failed to launch with CUDA error " + std::to_string(error),
            "Check the GPU with nvidia-smi and run again.");
      }
    };
    launches.push_back({enqueue, is_brief(entry.first_us)});
  }
  Round round;
  round.slowed = nvml_.slowed();
  round.times_us = tools_.timer().sample(launches);
  round.sm_clock_mhz = nvml_.sm_clock_mhz();
  round.slowed = round.slowed || nvml_.slowed();
  for (std::size_t i = 0; i < ids.size(); ++i) {
    Entry& entry = contenders_.at(ids[i]);
    if (!entry.first_us) entry.first_us = round.times_us[i];
  }
  return round;
}

}  // namespace deepgemm::autotune
