// A dense kernel loaded into the current CUDA context, ready to launch.
#pragma once

#include <cstdint>
#include <memory>

#include "core/store.h"

// The driver's stream handle, as in cuda.h, which this header does not need.
struct CUstream_st;

namespace deepgemm::core {

// Device pointers of one product; layouts in kernels/dense.cuh. a, b, scale_a and d are aligned to
// 16 bytes. scale_a is M-major with leading dimension scale_a_stride(problem).
struct DenseOperands {
  const void* a = nullptr;         // e4m3 [m, k]
  const void* b = nullptr;         // e4m3 [n, k]
  const float* scale_a = nullptr;  // [ceil(k/128), scale_a_stride]
  const float* scale_b = nullptr;  // [ceil(n/128), ceil(k/128)]
  void* d = nullptr;               // bf16 [m, n]
};

class DenseKernel {
 public:
  // Loads into the calling thread's current context. Throws EnvironmentError where the driver
  // refuses the image.
  explicit DenseKernel(const Cubin& cubin);
  ~DenseKernel();
  DenseKernel(DenseKernel&&) noexcept;
  DenseKernel& operator=(DenseKernel&&) noexcept;

  const GemmConfig& config() const;

  // Enqueues the product; asynchronous, thread-safe, allocates nothing. The context it was loaded
  // into must be current. Returns 0 or the driver's CUresult.
  int launch(const GemmProblem& problem, const DenseOperands& operands, CUstream_st* stream) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace deepgemm::core
