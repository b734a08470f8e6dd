// Operands of one problem in device memory, and room for results that cannot hide a stray write.
#pragma once

#include "autotune/device_tools.h"

namespace deepgemm::autotune {

// A result buffer between two guards.
class GuardedResult {
 public:
  static constexpr std::size_t kGuardBytes = 1 << 20;
  static constexpr unsigned char kGuard = 0x5a;
  static constexpr unsigned char kPoison = 0xff;  // bf16 0xffff, a NaN that no product gives

  explicit GuardedResult(std::size_t bytes) : bytes_(bytes), buffer_(bytes + 2 * kGuardBytes) {}

  void* data() const { return buffer_.as<unsigned char>(kGuardBytes); }
  // Fills the result with poison and the guards with their pattern.
  void arm(const core::Stream& stream) const;
  // Bytes of the guards that changed since arm().
  std::uint64_t guards_touched(const DeviceTools& tools) const;

 private:
  std::size_t bytes_;
  core::DeviceBuffer buffer_;
};

// Random e4m3 operands with scales over several powers of two; the same on every run. A has the
// rows that pad m to a multiple of 4 for cuBLASLt, zeroed.
class Operands {
 public:
  Operands(const core::GemmProblem& problem, const DeviceTools& tools, const core::Stream& stream);

  const core::GemmProblem& problem() const { return problem_; }
  std::int64_t padded_m() const { return core::scale_a_stride(problem_); }
  // Operands that write to `d`.
  core::GemmOperands writing_to(void* d) const;
  // Scales of B as cuBLASLt wants them: rows padded to a multiple of 4 k-blocks.
  const float* padded_scale_b() const { return padded_scale_b_.as<float>(); }

 private:
  core::GemmProblem problem_;
  core::DeviceBuffer a_;
  core::DeviceBuffer b_;
  core::DeviceBuffer scale_a_;
  core::DeviceBuffer scale_b_;
  core::DeviceBuffer padded_scale_b_;
};

}  // namespace deepgemm::autotune
