// A kernel loaded into the current CUDA context, ready to launch.
#pragma once

#include <cstdint>
#include <memory>

#include "core/store.h"

// The driver's stream handle, as in cuda.h, which this header does not need.
struct CUstream_st;

namespace deepgemm::core {

// Device pointers of one product; layouts in kernels/dense.cuh. a, b, scale_a and d are aligned to
// 16 bytes. scale_a is M-major with leading dimension scale_a_stride of its rows.
struct GemmOperands {
  const void* a = nullptr;         // e4m3 [m, k]
  const void* b = nullptr;         // e4m3 [n, k]
  const float* scale_a = nullptr;  // [ceil(k/128), scale_a_stride]
  const float* scale_b = nullptr;  // [ceil(n/128), ceil(k/128)]
  void* d = nullptr;               // bf16 [m, n]

  // Grouped products only. B is [groups, n, k], scale_b [groups, ceil(n/128), ceil(k/128)].
  //
  // Grouped-contiguous: A is [row_extent, k], D [row_extent, n], scale_a [ceil(k/128), row_extent
  // rounded up to 4]; `rows` is int32 [row_extent], the group of each row, negative for padding. A
  // group's rows lie together and start at a multiple of 4; padding between them is computed and
  // stored as if it were theirs; other padding is never stored, though A's may be loaded.
  //
  // Grouped-masked: A is [groups, row_extent, k], D [groups, row_extent, n], scale_a [groups,
  // ceil(k/128), row_extent rounded up to 4]; `rows` is int32 [groups], how many rows of each group
  // are used: the others are not written. Counts outside 0 … row_extent are taken as the nearer
  // end.
  //
  // `rows` is read by the GPU when the kernel runs, so it may change between replays of a graph.
  const int* rows = nullptr;
  std::int64_t row_extent = 0;
};

// When the blocks of a launch may start.
enum class Start {
  kInTurn,     // when the kernel before it in the stream has ended
  kOverlapped  // when that one's blocks make room: launch and set-up then cost no time of their own
};

class GemmKernel {
 public:
  // Loads into the calling thread's current context. Throws EnvironmentError where the driver
  // refuses the image.
  explicit GemmKernel(const Cubin& cubin);
  ~GemmKernel();
  GemmKernel(GemmKernel&&) noexcept;
  GemmKernel& operator=(GemmKernel&&) noexcept;

  const GemmConfig& config() const;

  // Enqueues the product; asynchronous, thread-safe, allocates nothing. The context it was loaded
  // into must be current. Returns 0 or the driver's CUresult; CUDA_ERROR_INVALID_VALUE where the
  // kernel was compiled for another operation. Whenever its blocks start, operands are touched only
  // when the kernel before it has ended.
  int launch(const GemmProblem& problem, const GemmOperands& operands, CUstream_st* stream,
             Start start = Start::kInTurn) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace deepgemm::core
