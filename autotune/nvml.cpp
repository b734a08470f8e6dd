#include "autotune/nvml.h"

#include <optional>

#include "core/dynamic_library.h"
#include "core/error.h"

namespace deepgemm::autotune {
namespace {

// The few declarations of nvml.h that are needed; its ABI is stable, its header is in no package
// that the build otherwise needs.
using Device = void*;
using Init = int();
using Shutdown = int();
using GetHandle = int(const char*, Device*);
using GetClock = int(Device, int, unsigned*);
using GetNumber = int(Device, unsigned*);
using GetReasons = int(Device, unsigned long long*);
using GetProcesses = int(Device, unsigned*, void*);

constexpr int kSuccess = 0;
constexpr int kInsufficientSize = 7;
constexpr int kGraphicsClock = 0;
constexpr int kSmClock = 1;
// nvmlClocksEventReason: hardware slow-down, software thermal, hardware thermal, power brake.
constexpr unsigned long long kSlowdown = 0x08 | 0x20 | 0x40 | 0x80;

template <typename Function>
void bind_if_there(const core::DynamicLibrary& library, Function*& function, const char* name) {
  try {
    library.bind(function, name);
  } catch (const core::EnvironmentError&) {
    function = nullptr;
  }
}

}  // namespace

struct Nvml::State {
  std::optional<core::DynamicLibrary> library;
  Device device = nullptr;
  Shutdown* shutdown = nullptr;
  GetClock* clock = nullptr;
  GetReasons* reasons = nullptr;
  GetProcesses* processes = nullptr;      // null in drivers before 510
  GetClock* application_clock = nullptr;  // deprecated: null where a driver has dropped it
  GetNumber* power_limit = nullptr;
};

Nvml::Nvml(const std::string& uuid) : state_(std::make_unique<State>()) {
  try {
    state_->library.emplace(std::vector<std::string>{"libnvidia-ml.so.1"}, "NVML", "");
    Init* init = nullptr;
    GetHandle* handle = nullptr;
    state_->library->bind(init, "nvmlInit_v2");
    state_->library->bind(handle, "nvmlDeviceGetHandleByUUID");
    state_->library->bind(state_->clock, "nvmlDeviceGetClockInfo");
    state_->library->bind(state_->reasons, "nvmlDeviceGetCurrentClocksThrottleReasons");
    state_->library->bind(state_->shutdown, "nvmlShutdown");
    bind_if_there(*state_->library, state_->processes, "nvmlDeviceGetComputeRunningProcesses_v3");
    bind_if_there(*state_->library, state_->application_clock, "nvmlDeviceGetApplicationsClock");
    bind_if_there(*state_->library, state_->power_limit, "nvmlDeviceGetEnforcedPowerLimit");
    if (init() != kSuccess) return;
    if (handle(uuid.c_str(), &state_->device) != kSuccess) state_->device = nullptr;
  } catch (const core::EnvironmentError&) {
    // Clocks are evidence, not a condition: without NVML they are recorded as unknown.
    state_->library.reset();
  }
}

Nvml::~Nvml() {
  if (state_->library) state_->shutdown();
}

int Nvml::sm_clock_mhz() const {
  unsigned mhz = 0;
  if (state_->device == nullptr) return 0;
  return state_->clock(state_->device, kSmClock, &mhz) == kSuccess ? static_cast<int>(mhz) : 0;
}

int Nvml::application_clock_mhz() const {
  unsigned mhz = 0;
  if (state_->device == nullptr || state_->application_clock == nullptr) return 0;
  const int result = state_->application_clock(state_->device, kGraphicsClock, &mhz);
  return result == kSuccess ? static_cast<int>(mhz) : 0;
}

int Nvml::power_limit_w() const {
  unsigned milliwatts = 0;
  if (state_->device == nullptr || state_->power_limit == nullptr) return 0;
  if (state_->power_limit(state_->device, &milliwatts) != kSuccess) return 0;
  return static_cast<int>((milliwatts + 500) / 1000);
}

bool Nvml::slowed() const {
  unsigned long long reasons = 0;
  return state_->device != nullptr && state_->reasons(state_->device, &reasons) == kSuccess &&
         (reasons & kSlowdown) != 0;
}

int Nvml::processes() const {
  unsigned count = 0;
  if (state_->device == nullptr || state_->processes == nullptr) return 0;
  // With room for none, NVML says how many there are.
  const int result = state_->processes(state_->device, &count, nullptr);
  return result == kSuccess || result == kInsufficientSize ? static_cast<int>(count) : 0;
}

void add_nvml_limits(core::Environment& environment) {
  const Nvml nvml(environment.device_uuid);
  environment.application_clock_mhz = nvml.application_clock_mhz();
  environment.power_limit_w = nvml.power_limit_w();
}

}  // namespace deepgemm::autotune
