#include "core/home_context.h"

#include "core/driver.h"

namespace deepgemm::core {
namespace {

CUcontext current_context() {
  CUcontext context = nullptr;
  check(driver().cuCtxGetCurrent(&context), "asking for the current CUDA context");
  return context;
}

// A context that was destroyed stays current where it was, and most calls do not tell. This one
// does, within a microsecond and without a mark on any stream.
bool is_destroyed_current() {
  CUstreamCaptureStatus ignored{};
  return driver().cuStreamIsCapturing(nullptr, &ignored) == CUDA_ERROR_CONTEXT_IS_DESTROYED;
}

CUcontext retain_primary(CUdevice device) {
  CUcontext context = nullptr;
  check(driver().cuDevicePrimaryCtxRetain(&context, device), "creating a CUDA context");
  return context;
}

// Retains `context` if it is the device's primary one. An inactive one is not asked for: that would
// create it.
bool retain_if_primary(CUcontext context, CUdevice device) {
  unsigned flags = 0;
  int is_active = 0;
  check(driver().cuDevicePrimaryCtxGetState(device, &flags, &is_active),
        "asking for a GPU's primary CUDA context");
  if (is_active == 0) return false;
  if (retain_primary(device) == context) return true;
  driver().cuDevicePrimaryCtxRelease(device);
  return false;
}

// The current context, where it can be used; else null.
CUcontext usable_context() {
  const CUcontext current = current_context();
  return current != nullptr && !is_destroyed_current() ? current : nullptr;
}

CUdevice device_of(CUcontext usable) {
  CUdevice device = 0;
  if (usable != nullptr) {
    check(driver().cuCtxGetDevice(&device), "asking which GPU a CUDA context is of");
  } else {
    check(driver().cuDeviceGet(&device, 0), "opening a GPU");
  }
  return device;
}

}  // namespace

int home_device() { return device_of(usable_context()); }

HomeContext::HomeContext() {
  const CUcontext current = usable_context();
  const CUdevice device = device_of(current);
  if (current != nullptr) {
    context_ = current;
    is_retained_ = retain_if_primary(current, device);
  } else {
    const CUcontext primary = retain_primary(device);
    context_ = primary;
    is_retained_ = was_none_ = true;
    if (const CUresult entered = driver().cuCtxSetCurrent(primary); entered != CUDA_SUCCESS) {
      driver().cuDevicePrimaryCtxRelease(device);
      check(entered, "entering a CUDA context");
    }
  }
  device_ = device;
}

HomeContext::~HomeContext() {
  if (is_retained_) driver().cuDevicePrimaryCtxRelease(device_);
}

bool HomeContext::is_current() const noexcept {
  CUcontext context = nullptr;
  return driver().cuCtxGetCurrent(&context) == CUDA_SUCCESS && context == context_;
}

void HomeContext::enter_if_none() const {
  // On every call's way: it must not even prepare the words of a failure.
  CUcontext context = nullptr;
  if (!was_none_ || driver().cuCtxGetCurrent(&context) != CUDA_SUCCESS || context != nullptr) {
    return;
  }
  check(driver().cuCtxSetCurrent(static_cast<CUcontext>(context_)), "entering a CUDA context");
}

HomeScope::HomeScope(const HomeContext* home) {
  if (home == nullptr || home->is_current()) return;
  before_ = current_context();
  check(driver().cuCtxSetCurrent(static_cast<CUcontext>(home->context_)),
        "entering a CUDA context");
  entered_ = true;
}

HomeScope::~HomeScope() {
  if (entered_) driver().cuCtxSetCurrent(static_cast<CUcontext>(before_));
}

}  // namespace deepgemm::core
