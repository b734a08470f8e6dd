// The CUDA driver API, opened at run time. Only core includes this.
#pragma once

#include <cuda.h>

#include <string>

namespace deepgemm::core {

// Every driver function that the project calls.
#define DEEPGEMM_DRIVER_FUNCTIONS(X) \
  X(cuInit)                          \
  X(cuDriverGetVersion)              \
  X(cuGetErrorString)                \
  X(cuDeviceGetCount)                \
  X(cuDeviceGet)                     \
  X(cuDeviceGetName)                 \
  X(cuDeviceGetUuid)                 \
  X(cuDeviceGetAttribute)            \
  X(cuDeviceTotalMem)                \
  X(cuDevicePrimaryCtxRetain)        \
  X(cuDevicePrimaryCtxRelease)       \
  X(cuDevicePrimaryCtxGetState)      \
  X(cuCtxSetCurrent)                 \
  X(cuCtxGetCurrent)                 \
  X(cuCtxGetDevice)                  \
  X(cuCtxSynchronize)                \
  X(cuModuleLoadData)                \
  X(cuModuleUnload)                  \
  X(cuModuleGetFunction)             \
  X(cuFuncSetAttribute)              \
  X(cuLaunchKernelEx)                \
  X(cuOccupancyMaxActiveClusters)    \
  X(cuTensorMapEncodeTiled)          \
  X(cuMemAlloc)                      \
  X(cuMemFree)                       \
  X(cuMemGetInfo)                    \
  X(cuMemcpyHtoD)                    \
  X(cuMemcpyDtoH)                    \
  X(cuMemcpy2D)                      \
  X(cuMemsetD8Async)                 \
  X(cuStreamCreate)                  \
  X(cuStreamDestroy)                 \
  X(cuStreamSynchronize)             \
  X(cuStreamIsCapturing)             \
  X(cuStreamBeginCapture)            \
  X(cuStreamEndCapture)              \
  X(cuGraphInstantiateWithFlags)     \
  X(cuGraphLaunch)                   \
  X(cuGraphExecDestroy)              \
  X(cuGraphDestroy)

struct Driver {
#define DEEPGEMM_FUNCTION(name) decltype(&::name) name = nullptr;
  DEEPGEMM_DRIVER_FUNCTIONS(DEEPGEMM_FUNCTION)
#undef DEEPGEMM_FUNCTION
};

// Loads libcuda and initialises it on the first call. Throws EnvironmentError, with the next step,
// where there is no driver or no usable GPU.
const Driver& driver();

// "CUDA_ERROR_… text" of a result.
std::string describe(CUresult result);

// Throws EnvironmentError where `result` is a failure of `action` ("allocating 512 MB").
void check(CUresult result, const std::string& action);

}  // namespace deepgemm::core
