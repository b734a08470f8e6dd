// Verbs over the supporting kernels: fill, compute references, compare, move bytes.
#pragma once

#include <cstdint>
#include <memory>

#include "core/device_memory.h"
#include "core/gemm_kernel.h"
#include "core/module.h"
#include "core/problem.h"

namespace deepgemm::autotune {

// How one bf16 result differs from another.
struct Difference {
  double relative = 0;  // ||d - ref|| / ||ref||
  double reference_rms = 0;
  double max_error = 0;  // largest |d - ref| / (|ref| + rms); infinity where d has a NaN
  std::uint64_t unwritten = 0;
  std::uint64_t bits_hash = 0;
};

// Bytes that a bulk copy of `bytes` takes: a multiple of 16.
constexpr std::int64_t whole_copies(std::int64_t bytes) { return (bytes + 15) / 16 * 16; }

class DeviceTools {
 public:
  // Compiles and loads into the current context; work runs on `stream`, which must outlive this.
  explicit DeviceTools(const core::Stream& stream);

  void fill_e4m3(void* out, std::uint64_t count, std::uint64_t seed) const;
  void fill_scales(float* out, std::uint64_t count, std::uint64_t seed) const;
  // Plain fp32 product of a dense problem into operands.d. `scale_stride`: leading dimension of the
  // scales of A, where it is not that of the problem's m.
  void reference(const core::GemmProblem& problem, const core::GemmOperands& operands,
                 std::int64_t scale_stride = 0) const;
  // Rows of the product in float64, [row_count, n]; `rows` and `out` in device memory.
  void exact_rows(const core::GemmProblem& problem, const core::GemmOperands& operands,
                  const int* rows, int row_count, double* out, std::int64_t scale_stride = 0) const;
  // Compares `count` elements; `rms` is the reference's (0 where only it is asked for).
  Difference compare(const void* d, const void* reference, std::uint64_t count, double rms) const;
  // Relative error of the given rows of `d` against exact_rows' result.
  double compare_rows(const void* d, const double* exact, const int* rows, int row_count,
                      std::int64_t n) const;
  std::uint64_t count_changed(const void* bytes, std::uint64_t count, int value) const;
  // Reads and writes so many bytes (rounded up to 16) on `sms` SMs, as fast as memory allows.
  void move_bytes(const void* source, std::int64_t read_bytes, void* target,
                  std::int64_t written_bytes, int sms) const;
  // Launches the empty kernel, whose device time every timer must read as about 1 us.
  void launch_empty() const;

 private:
  template <typename... Arguments>
  void run(const char* kernel, unsigned blocks, Arguments... arguments) const;

  const core::Stream& stream_;
  std::unique_ptr<core::Module> module_;
  core::DeviceBuffer result_;
};

}  // namespace deepgemm::autotune
