// Built as libcuda.so.1. Modules are text that ends with a zero; device memory is host memory.
#include "tests/db/scripted_driver/scripted_driver.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <string>

struct CUctx_st {
  std::atomic<int> retained = 0;  // destroyed while it is 0
  std::atomic<int> modules = 0;
};

struct CUmod_st {
  std::string image;
  CUcontext context;
};

namespace deepgemm::scripted_driver {
namespace {

void (*launch_observer)(const Launch&) = nullptr;
std::atomic<int> loaded = 0;
std::atomic<bool> capturing = false;
thread_local CUcontext current = nullptr;

constexpr int kDevices = 2;
constexpr const char* kNames[kDevices] = {"NVIDIA H100 80GB HBM3", "NVIDIA H20"};
constexpr int kSms[kDevices] = {132, 78};
CUctx_st primary_contexts[kDevices];

int device_of(CUcontext context) { return static_cast<int>(context - primary_contexts); }
bool is_alive(CUcontext context) { return context != nullptr && context->retained > 0; }

CUcontext context_of(CUstream stream) {
  const auto* const handle = reinterpret_cast<const StreamHandle*>(stream);
  return handle == nullptr || handle->context == nullptr ? current : handle->context;
}

int attribute(CUdevice_attribute which, CUdevice device) {
  switch (which) {
    case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT:
      return kSms[device];
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN:
      return 232448;
    case CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE:
      return 50 << 20;
    case CU_DEVICE_ATTRIBUTE_CLOCK_RATE:
      return 1980000;
    case CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE:
      return 2619000;
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR:
      return 9;
    default:
      return 0;
  }
}

template <class T>
CUresult give(T* place, T value) {
  *place = value;
  return CUDA_SUCCESS;
}

void* host(CUdeviceptr address) { return reinterpret_cast<void*>(address); }

}  // namespace

void watch_launches(void (*observer)(const Launch&)) { launch_observer = observer; }
void pretend_capture(bool on) { capturing = on; }
int modules_loaded() { return loaded; }
int modules_alive() { return modules_alive(0) + modules_alive(1); }
int modules_alive(int device) { return primary_contexts[device].modules; }

}  // namespace deepgemm::scripted_driver

namespace {
using namespace deepgemm::scripted_driver;
}

extern "C" {

CUresult cuInit(unsigned) { return CUDA_SUCCESS; }
CUresult cuDriverGetVersion(int* version) { return give(version, 13000); }
CUresult cuGetErrorString(CUresult, const char** text) { return give(text, "scripted"); }
CUresult cuDeviceGetCount(int* count) { return give(count, kDevices); }
CUresult cuDeviceGet(CUdevice* device, int ordinal) { return give(device, ordinal); }
CUresult cuDeviceGetName(char* name, int size, CUdevice device) {
  std::strncpy(name, kNames[device], static_cast<std::size_t>(size));
  return CUDA_SUCCESS;
}
CUresult cuDeviceGetUuid(CUuuid* uuid, CUdevice) { return give(uuid, CUuuid{}); }
CUresult cuDeviceGetAttribute(int* value, CUdevice_attribute which, CUdevice device) {
  return give(value, attribute(which, device));
}
CUresult cuDeviceTotalMem(std::size_t* bytes, CUdevice) {
  return give(bytes, std::size_t{80} << 30);
}

CUresult cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice device) {
  ++primary_contexts[device].retained;
  return give(context, &primary_contexts[device]);
}
// What is destroyed stays current where it was, takes its modules with it, and lives again, empty,
// when it is retained.
CUresult cuDevicePrimaryCtxRelease(CUdevice device) {
  if (--primary_contexts[device].retained == 0) primary_contexts[device].modules = 0;
  return CUDA_SUCCESS;
}
CUresult cuDevicePrimaryCtxGetState(CUdevice device, unsigned* flags, int* is_active) {
  *flags = 0;
  return give(is_active, primary_contexts[device].retained > 0 ? 1 : 0);
}
CUresult cuCtxSetCurrent(CUcontext context) { return give(&current, context); }
CUresult cuCtxGetCurrent(CUcontext* context) { return give(context, current); }
CUresult cuCtxGetDevice(CUdevice* device) {
  return current == nullptr ? CUDA_ERROR_INVALID_CONTEXT : give(device, device_of(current));
}
CUresult cuCtxSynchronize() { return CUDA_SUCCESS; }

CUresult cuModuleLoadData(CUmodule* module, const void* image) {
  if (current == nullptr) return CUDA_ERROR_INVALID_CONTEXT;
  if (!is_alive(current)) return CUDA_ERROR_CONTEXT_IS_DESTROYED;
  ++loaded;
  ++current->modules;
  return give(module, new CUmod_st{static_cast<const char*>(image), current});
}
CUresult cuModuleUnload(CUmodule module) {
  if (is_alive(module->context)) --module->context->modules;
  delete module;
  return CUDA_SUCCESS;
}
CUresult cuModuleGetFunction(CUfunction* function, CUmodule module, const char*) {
  return give(function, reinterpret_cast<CUfunction>(module));
}
CUresult cuFuncSetAttribute(CUfunction, CUfunction_attribute, int) { return CUDA_SUCCESS; }
CUresult cuOccupancyMaxActiveClusters(int* clusters, CUfunction, const CUlaunchConfig*) {
  return give(clusters, 66);
}

CUresult cuTensorMapEncodeTiled(CUtensorMap* map, CUtensorMapDataType, cuuint32_t rank, void* data,
                                const cuuint64_t* extent, const cuuint64_t*, const cuuint32_t* box,
                                const cuuint32_t*, CUtensorMapInterleave, CUtensorMapSwizzle,
                                CUtensorMapL2promotion, CUtensorMapFloatOOBfill) {
  if (rank != 2 || data == nullptr) return CUDA_ERROR_INVALID_VALUE;
  const Tensor tensor{data, extent[0], extent[1], box[0], box[1]};
  std::memcpy(map, &tensor, sizeof tensor);
  return CUDA_SUCCESS;
}

static bool may_overlap(const CUlaunchConfig& config) {
  return std::any_of(config.attrs, config.attrs + config.numAttrs, [](const CUlaunchAttribute& a) {
    return a.id == CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION &&
           a.value.programmaticStreamSerializationAllowed != 0;
  });
}

CUresult cuLaunchKernelEx(const CUlaunchConfig* config, CUfunction function, void** parameters,
                          void**) {
  const CUmodule module = reinterpret_cast<CUmodule>(function);
  const CUcontext context = context_of(config->hStream);
  if (context == nullptr) return CUDA_ERROR_INVALID_CONTEXT;
  if (context != module->context) return CUDA_ERROR_INVALID_HANDLE;
  if (launch_observer == nullptr) return CUDA_SUCCESS;
  launch_observer({module->image.c_str(), device_of(context), config->hStream, config->gridDimX,
                   config->blockDimX, config->sharedMemBytes, may_overlap(*config), parameters});
  return CUDA_SUCCESS;
}

CUresult cuMemAlloc(CUdeviceptr* address, std::size_t bytes) {
  return give(address, reinterpret_cast<CUdeviceptr>(std::aligned_alloc(256, (bytes | 255) + 1)));
}
CUresult cuMemFree(CUdeviceptr address) {
  std::free(host(address));
  return CUDA_SUCCESS;
}
CUresult cuMemGetInfo(std::size_t* free_bytes, std::size_t* all_bytes) {
  *all_bytes = std::size_t{80} << 30;
  return give(free_bytes, *all_bytes);
}
CUresult cuMemcpyHtoD(CUdeviceptr to, const void* from, std::size_t bytes) {
  std::memcpy(host(to), from, bytes);
  return CUDA_SUCCESS;
}
CUresult cuMemcpyDtoH(void* to, CUdeviceptr from, std::size_t bytes) {
  std::memcpy(to, host(from), bytes);
  return CUDA_SUCCESS;
}
CUresult cuMemcpy2D(const CUDA_MEMCPY2D*) { return CUDA_ERROR_NOT_SUPPORTED; }
CUresult cuMemsetD8Async(CUdeviceptr address, unsigned char value, std::size_t bytes, CUstream) {
  std::memset(host(address), value, bytes);
  return CUDA_SUCCESS;
}
CUresult cuStreamCreate(CUstream* stream, unsigned) {
  return give(stream, reinterpret_cast<CUstream>(new StreamHandle{current}));
}
CUresult cuStreamDestroy(CUstream stream) {
  delete reinterpret_cast<StreamHandle*>(stream);
  return CUDA_SUCCESS;
}
CUresult cuStreamSynchronize(CUstream) { return CUDA_SUCCESS; }
CUresult cuStreamIsCapturing(CUstream stream, CUstreamCaptureStatus* status) {
  const CUcontext context = context_of(stream);
  if (context == nullptr) return CUDA_ERROR_INVALID_CONTEXT;
  if (!is_alive(context)) return CUDA_ERROR_CONTEXT_IS_DESTROYED;
  return give(status, capturing ? CU_STREAM_CAPTURE_STATUS_ACTIVE : CU_STREAM_CAPTURE_STATUS_NONE);
}
// What the runtime library never asks for.
CUresult cuStreamBeginCapture(CUstream, CUstreamCaptureMode) { return CUDA_ERROR_NOT_SUPPORTED; }
CUresult cuStreamEndCapture(CUstream, CUgraph*) { return CUDA_ERROR_NOT_SUPPORTED; }
CUresult cuGraphInstantiateWithFlags(CUgraphExec*, CUgraph, unsigned long long) {
  return CUDA_ERROR_NOT_SUPPORTED;
}
CUresult cuGraphLaunch(CUgraphExec, CUstream) { return CUDA_ERROR_NOT_SUPPORTED; }
CUresult cuGraphExecDestroy(CUgraphExec) { return CUDA_SUCCESS; }
CUresult cuGraphDestroy(CUgraph) { return CUDA_SUCCESS; }
}
