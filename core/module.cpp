#include "core/module.h"

#include "core/driver.h"

namespace deepgemm::core {

Module::Module(std::span<const char> image) {
  check(driver().cuModuleLoadData(&module_, image.data()), "loading a kernel");
}

Module::~Module() { driver().cuModuleUnload(module_); }

CUfunc_st* Module::function(const std::string& name) const {
  CUfunction found = nullptr;
  check(driver().cuModuleGetFunction(&found, module_, name.c_str()), "finding kernel " + name);
  return found;
}

void launch(CUfunc_st* function, unsigned blocks, unsigned threads, CUstream_st* stream,
            std::span<void*> arguments, unsigned shared_bytes) {
  CUlaunchConfig config{};
  config.gridDimX = blocks;
  config.gridDimY = config.gridDimZ = 1;
  config.blockDimX = threads;
  config.blockDimY = config.blockDimZ = 1;
  config.sharedMemBytes = shared_bytes;
  config.hStream = stream;
  check(driver().cuLaunchKernelEx(&config, function, arguments.data(), nullptr),
        "launching a kernel");
}

void allow_shared(CUfunc_st* function, int bytes) {
  check(
      driver().cuFuncSetAttribute(function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, bytes),
      "granting shared memory to a kernel");
}

}  // namespace deepgemm::core
