// Operands of one problem in device memory, and room for results that cannot hide a stray write.
#pragma once

#include <vector>

#include "autotune/device_tools.h"
#include "core/group_rows.h"

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
  // Bytes of the result itself that are no poison (any more).
  std::uint64_t poison_touched(const DeviceTools& tools) const;

 private:
  std::size_t bytes_;
  core::DeviceBuffer buffer_;
};

// The product of one group as a dense one, in the grouped operands' memory.
struct GroupProduct {
  core::GemmProblem problem;      // dense; m is the group's rows
  core::GemmOperands operands;    // d is the group's part of D
  std::int64_t scale_stride = 0;  // of scale_a, which is not that of the problem's m
  const float* packed_scale_a;    // the same scales with the stride of the problem's m
  const float* padded_scale_b;    // rows padded to a multiple of 4 k-blocks
  core::GroupSegment segment;     // of A and D
  std::int64_t padded_m() const { return core::scale_a_stride(problem); }
};

// Random e4m3 operands with scales over several powers of two; the same on every run. A has the
// rows that pad m (of grouped ones: of the last group) to a multiple of 4 for cuBLASLt.
//
// Grouped operands lie as core::layout_of says. Rows that no group uses are as random as the
// others: a kernel that took them for work would not show by zeros.
class Operands {
 public:
  Operands(const core::GemmProblem& problem, const core::GroupDraw& draw, const DeviceTools& tools,
           const core::Stream& stream);

  // Writes what the kernels read, the same each time.
  void fill(const DeviceTools& tools, const core::Stream& stream) const;
  // Changes where a kernel wrote into any of it.
  std::uint64_t fingerprint(const DeviceTools& tools) const;

  const core::GemmProblem& problem() const { return problem_; }
  const core::GroupDraw& draw() const { return draw_; }
  const core::GroupLayout& layout() const { return layout_; }
  bool grouped() const { return problem_.operation != core::Operation::kDense; }
  // Rows that a D needs into which cuBLASLt, too, may write.
  std::int64_t padded_rows() const;
  // Operands that write to `d`.
  core::GemmOperands writing_to(void* d) const;
  // Of a dense problem there is one group, which is all of it.
  int groups() const { return static_cast<int>(layout_.segments.size()); }
  GroupProduct group(int index, void* d) const;

 private:
  void pad_scales_of_b();
  void pack_scales_of_a();

  core::GemmProblem problem_;
  core::GroupDraw draw_;
  core::GroupLayout layout_;
  core::DeviceBuffer a_;
  core::DeviceBuffer b_;
  core::DeviceBuffer scale_a_;
  core::DeviceBuffer scale_b_;
  core::DeviceBuffer rows_;
  core::DeviceBuffer padded_scale_b_;
  core::DeviceBuffer packed_scale_a_;           // grouped: of each group, one behind the other
  std::vector<std::int64_t> packed_scales_at_;  // where each group's begin, in floats
};

}  // namespace deepgemm::autotune
