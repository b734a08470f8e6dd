#include "autotune/gpu_executor.h"

#include <cstdio>

#include "autotune/gpu_workbench.h"
#include "core/context.h"
#include "core/error.h"

namespace deepgemm::autotune {
namespace {

core::DeviceInfo read_hopper(int ordinal) {
  core::DeviceInfo device = core::read_device(ordinal);
  if (device.compute_capability != 90) {
    throw core::EnvironmentError(
        "GPU " + std::to_string(ordinal) + " (" + device.name + ") is not a Hopper GPU",
        "Use an H100, H200, H800 or H20, or pass --device h100-sxm5 to rank and compile only.");
  }
  return device;
}

std::string gigabytes(double bytes) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f GB", bytes / 1e9);
  return text;
}

core::Environment environment_of(const core::DeviceInfo& device, const core::Environment& base) {
  core::Environment environment = base;
  core::describe(environment, device);
  add_nvml_limits(environment);
  environment.cublaslt = CublasLt::version();
  return environment;
}

class GpuExecutor final : public Executor {
 public:
  GpuExecutor(int ordinal, const core::Environment& base, Timing timing)
      : device_(read_hopper(ordinal)),
        environment_(environment_of(device_, base)),
        context_(ordinal),
        tools_(device_.sms),
        nvml_(device_.uuid) {
    if (timing == Timing::kNow) tools_.timer();
  }

  const core::DeviceInfo& device() const override { return device_; }
  const core::Environment& environment() const override { return environment_; }
  std::string policy() const override { return Timer::policy(); }
  bool healthy() const override { return tools_.stream.try_synchronize() == 0; }
  int processes() const override { return nvml_.processes(); }

  std::unique_ptr<Workbench> prepare(const core::GemmProblem& problem,
                                     const core::GroupDraw& draw) override {
    // The flush buffer is allocated already.
    const auto needed = static_cast<double>(core::workspace_bytes(problem, draw, 0));
    const auto free = static_cast<double>(core::free_device_bytes());
    if (needed > free) {
      throw core::UsageError(core::to_string(problem) + " needs " + gigabytes(needed) +
                                 " of GPU memory and " + gigabytes(free) + " are free",
                             "Take a smaller shape, or free GPU memory.");
    }
    return std::make_unique<GpuWorkbench>(problem, draw, tools_, nvml_);
  }

  GpuTools& tools() { return tools_; }

 private:
  core::DeviceInfo device_;
  core::Environment environment_;
  core::PrimaryContext context_;
  GpuTools tools_;
  Nvml nvml_;
};

}  // namespace

GpuIdentity identify_gpu(int ordinal, const core::Environment& environment_base) {
  const core::DeviceInfo device = read_hopper(ordinal);
  return {device, environment_of(device, environment_base), Timer::policy()};
}

void load_gpu_libraries() noexcept {
  try {
    core::device_count();
    CublasLt::version();
  } catch (const std::exception&) {
  }
}

std::unique_ptr<Executor> open_gpu(int ordinal, const core::Environment& environment_base,
                                   Timing timing) {
  return std::make_unique<GpuExecutor>(ordinal, environment_base, timing);
}

std::vector<double> sample_empty_kernel(Executor& executor, int samples) {
  GpuTools& tools = dynamic_cast<GpuExecutor&>(executor).tools();
  const std::vector<Timer::Launch> launches(static_cast<std::size_t>(samples),
                                            {[&] { tools.device.launch_empty(); }});
  return tools.timer().sample(launches);
}

}  // namespace deepgemm::autotune
