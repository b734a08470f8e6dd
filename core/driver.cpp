#include "core/driver.h"

#include "core/dynamic_library.h"
#include "core/error.h"

namespace deepgemm::core {
namespace {

// cuda.h renames functions to their versioned symbols by macro; expand before quoting.
#define DEEPGEMM_QUOTE(text) #text
#define DEEPGEMM_SYMBOL(name) DEEPGEMM_QUOTE(name)

constexpr const char* kNoGpuStep =
    "Run on a machine with an NVIDIA Hopper GPU and its driver, or pass --device h100-sxm5 to "
    "rank and compile without one.";

Driver load() {
  static const DynamicLibrary library({"libcuda.so.1", "libcuda.so"}, "The NVIDIA driver",
                                      kNoGpuStep);
  Driver functions;
#define DEEPGEMM_FUNCTION(name) library.bind(functions.name, DEEPGEMM_SYMBOL(name));
  DEEPGEMM_DRIVER_FUNCTIONS(DEEPGEMM_FUNCTION)
#undef DEEPGEMM_FUNCTION
  const CUresult result = functions.cuInit(0);
  if (result != CUDA_SUCCESS) {
    const char* text = nullptr;
    functions.cuGetErrorString(result, &text);
    throw EnvironmentError(std::string("The NVIDIA driver found no usable GPU (") +
                               (text == nullptr ? "unknown error" : text) + ")",
                           kNoGpuStep);
  }
  return functions;
}

}  // namespace

const Driver& driver() {
  static const Driver functions = load();
  return functions;
}

std::string describe(CUresult result) {
  const char* text = nullptr;
  driver().cuGetErrorString(result, &text);
  return "CUDA error " + std::to_string(static_cast<int>(result)) + ": " +
         (text == nullptr ? "unknown" : text);
}

void check(CUresult result, const std::string& action) {
  if (result == CUDA_SUCCESS) return;
  const bool memory = result == CUDA_ERROR_OUT_OF_MEMORY;
  throw EnvironmentError(action + " failed: " + describe(result),
                         memory ? "Free GPU memory, or take a smaller shape."
                                : "Run again; if it fails again, check the GPU with nvidia-smi.");
}

}  // namespace deepgemm::core
