// A loaded cubin and launches of its kernels. Only core and autotune include this.
#pragma once

#include <span>
#include <string>

struct CUfunc_st;
struct CUmod_st;
struct CUstream_st;

namespace deepgemm::core {

class Module {
 public:
  // Loads into the current context. Throws EnvironmentError where the driver refuses the image.
  explicit Module(std::span<const char> image);
  ~Module();
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  // Throws EnvironmentError where there is no kernel of that name.
  CUfunc_st* function(const std::string& name) const;

 private:
  CUmod_st* module_ = nullptr;
};

// Launches a kernel of a one-dimensional grid; each argument by address, as the driver wants it.
// Above 48 KB, allow_shared must have granted the dynamic shared memory. Throws EnvironmentError.
void launch(CUfunc_st* function, unsigned blocks, unsigned threads, CUstream_st* stream,
            std::span<void*> arguments, unsigned shared_bytes = 0);

void allow_shared(CUfunc_st* function, int bytes);

}  // namespace deepgemm::core
