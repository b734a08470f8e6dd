// Built as libcuda.so.1. Modules are text that ends with a zero; device memory is host memory.
#include "tests/db/scripted_driver/scripted_driver.h"

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <string>

struct CUmod_st {
  std::string image;
};

namespace deepgemm::scripted_driver {
namespace {

void (*launch_observer)(const Launch&) = nullptr;
std::atomic<int> loaded = 0;
std::atomic<int> alive = 0;
std::atomic<bool> capturing = false;
char primary_context;
thread_local CUcontext current = nullptr;

int attribute(CUdevice_attribute which) {
  switch (which) {
    case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT:
      return 132;
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
int modules_alive() { return alive; }

}  // namespace deepgemm::scripted_driver

namespace {
using namespace deepgemm::scripted_driver;
}

extern "C" {

CUresult cuInit(unsigned) { return CUDA_SUCCESS; }
CUresult cuDriverGetVersion(int* version) { return give(version, 13000); }
CUresult cuGetErrorString(CUresult, const char** text) { return give(text, "scripted"); }
CUresult cuDeviceGetCount(int* count) { return give(count, 1); }
CUresult cuDeviceGet(CUdevice* device, int ordinal) { return give(device, ordinal); }
CUresult cuDeviceGetName(char* name, int size, CUdevice) {
  std::strncpy(name, "NVIDIA H100 80GB HBM3", static_cast<std::size_t>(size));
  return CUDA_SUCCESS;
}
CUresult cuDeviceGetUuid(CUuuid* uuid, CUdevice) { return give(uuid, CUuuid{}); }
CUresult cuDeviceGetAttribute(int* value, CUdevice_attribute which, CUdevice) {
  return give(value, attribute(which));
}
CUresult cuDeviceTotalMem(std::size_t* bytes, CUdevice) {
  return give(bytes, std::size_t{80} << 30);
}

CUresult cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice) {
  return give(context, reinterpret_cast<CUcontext>(&primary_context));
}
CUresult cuDevicePrimaryCtxRelease(CUdevice) { return CUDA_SUCCESS; }
CUresult cuCtxSetCurrent(CUcontext context) { return give(&current, context); }
CUresult cuCtxGetCurrent(CUcontext* context) { return give(context, current); }
CUresult cuCtxGetDevice(CUdevice* device) {
  return current == nullptr ? CUDA_ERROR_INVALID_CONTEXT : give(device, 0);
}
CUresult cuCtxSynchronize() { return CUDA_SUCCESS; }

CUresult cuModuleLoadData(CUmodule* module, const void* image) {
  if (current == nullptr) return CUDA_ERROR_INVALID_CONTEXT;
  ++loaded;
  ++alive;
  return give(module, new CUmod_st{static_cast<const char*>(image)});
}
CUresult cuModuleUnload(CUmodule module) {
  delete module;
  --alive;
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

CUresult cuLaunchKernelEx(const CUlaunchConfig* config, CUfunction function, void** parameters,
                          void**) {
  if (current == nullptr) return CUDA_ERROR_INVALID_CONTEXT;
  if (launch_observer == nullptr) return CUDA_SUCCESS;
  launch_observer({reinterpret_cast<CUmodule>(function)->image.c_str(), config->hStream,
                   config->gridDimX, config->blockDimX, config->sharedMemBytes, parameters});
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
  return give(stream, static_cast<CUstream>(std::malloc(1)));
}
CUresult cuStreamDestroy(CUstream stream) {
  std::free(stream);
  return CUDA_SUCCESS;
}
CUresult cuStreamSynchronize(CUstream) { return CUDA_SUCCESS; }
CUresult cuStreamIsCapturing(CUstream, CUstreamCaptureStatus* status) {
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
