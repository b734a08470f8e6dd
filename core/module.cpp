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
            std::span<void*> arguments) {
  CUlaunchConfig config{};
  config.gridDimX = blocks;
  config.gridDimY = config.gridDimZ = 1;
  config.blockDimX = threads;
  config.blockDimY = config.blockDimZ = 1;
  config.hStream = stream;
  check(driver().cuLaunchKernelEx(&config, function, arguments.data(), nullptr),
        "launching a kernel");
}

}  // namespace deepgemm::core
