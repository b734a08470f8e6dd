#include "core/context.h"

#include <cctype>
#include <fstream>

#include "core/driver.h"
#include "core/error.h"

namespace deepgemm::core {
namespace {

// Version of the kernel driver; the driver API only tells which CUDA it supports.
std::string kernel_driver_version() {
  std::ifstream file("/sys/module/nvidia/version");
  std::string version;
  file >> version;
  return version;
}

std::string slug(const std::string& name) {
  std::string id;
  for (const char c : name) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0;
    if (plain) id += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (!plain && !id.empty() && id.back() != '-') id += '-';
  }
  return id;
}

std::string uuid_text(const CUuuid& uuid) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text = "GPU-";
  for (int i = 0; i < 16; ++i) {
    const auto byte = static_cast<unsigned char>(uuid.bytes[i]);
    text += kDigits[byte >> 4];
    text += kDigits[byte & 0xf];
    if (i == 3 || i == 5 || i == 7 || i == 9) text += '-';
  }
  return text;
}

int attribute(CUdevice device, CUdevice_attribute which) {
  int value = 0;
  check(driver().cuDeviceGetAttribute(&value, which, device), "reading a device attribute");
  return value;
}

// What the driver cannot tell (sustained rates) comes from the profile of this kind; for a kind
// without profile it is estimated from clocks and widths.
void fill_rates(DeviceInfo& info, CUdevice device) {
  if (const DeviceInfo* profile = match_device_profile(info.name, info.sms)) {
    info.id = profile->id;
    info.memory_gbps = profile->memory_gbps;
    info.tensor_tflops = profile->tensor_tflops;
    return;
  }
  info.id = slug(info.name);
  const double memory_hz = info.memory_clock_mhz * 1e6;
  const double bus_bytes = attribute(device, CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH) / 8.0;
  info.memory_gbps = 0.88 * 2 * memory_hz * bus_bytes / 1e9;
  info.tensor_tflops = 0.7 * 8192.0 * info.sms * info.clock_mhz * 1e6 / 1e12;
}

}  // namespace

int device_count() {
  int count = 0;
  check(driver().cuDeviceGetCount(&count), "counting GPUs");
  return count;
}

DeviceInfo read_device(int ordinal) {
  const int count = device_count();
  if (ordinal < 0 || ordinal >= count) {
    throw EnvironmentError("There is no GPU " + std::to_string(ordinal) + "; this machine has " +
                               std::to_string(count),
                           "Choose one with --gpu, from 0 to " + std::to_string(count - 1) + ".");
  }
  CUdevice device = 0;
  check(driver().cuDeviceGet(&device, ordinal), "opening a GPU");
  DeviceInfo info;
  info.is_profile = false;
  char name[256] = {};
  check(driver().cuDeviceGetName(name, sizeof(name), device), "reading the GPU's name");
  info.name = name;
  info.sms = attribute(device, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
  info.shared_bytes_per_block =
      attribute(device, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
  info.l2_bytes = attribute(device, CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE);
  info.clock_mhz = attribute(device, CU_DEVICE_ATTRIBUTE_CLOCK_RATE) / 1000;
  info.memory_clock_mhz = attribute(device, CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE) / 1000;
  info.compute_capability = 10 * attribute(device, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR) +
                            attribute(device, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
  std::size_t memory = 0;
  check(driver().cuDeviceTotalMem(&memory, device), "reading the GPU's memory size");
  info.memory_bytes = static_cast<long long>(memory);
  CUuuid uuid{};
  check(driver().cuDeviceGetUuid(&uuid, device), "reading the GPU's UUID");
  info.uuid = uuid_text(uuid);
  check(driver().cuDriverGetVersion(&info.driver_version), "reading the driver's version");
  info.driver = kernel_driver_version();
  fill_rates(info, device);
  return info;
}

PrimaryContext::PrimaryContext(int ordinal) : device_(0), context_(nullptr) {
  CUdevice device = 0;
  check(driver().cuDeviceGet(&device, ordinal), "opening a GPU");
  CUcontext context = nullptr;
  check(driver().cuDevicePrimaryCtxRetain(&context, device), "creating a CUDA context");
  device_ = device;
  context_ = context;
  make_current();
}

PrimaryContext::~PrimaryContext() { driver().cuDevicePrimaryCtxRelease(device_); }

void PrimaryContext::make_current() const {
  check(driver().cuCtxSetCurrent(static_cast<CUcontext>(context_)), "entering a CUDA context");
}

}  // namespace deepgemm::core
