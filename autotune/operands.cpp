#include "autotune/operands.h"

namespace deepgemm::autotune {
namespace {

std::size_t bytes(std::int64_t count) { return static_cast<std::size_t>(count); }

// Of all groups that have scales of their own.
std::int64_t scale_a_count(const core::GemmProblem& p, const core::GroupLayout& layout) {
  const std::int64_t times = p.operation == core::Operation::kGroupedMasked ? p.groups : 1;
  return times * core::k_blocks(p) * core::scale_a_stride(layout.extent);
}

std::int64_t scale_b_count(const core::GemmProblem& p) {
  return p.groups * core::n_blocks(p) * core::k_blocks(p);
}

std::int64_t padded_k_blocks(const core::GemmProblem& p) { return (core::k_blocks(p) + 3) / 4 * 4; }

// cuBLASLt's m is a multiple of 4.
constexpr std::int64_t kMostPadding = 4;

}  // namespace

void GuardedResult::arm(const core::Stream& stream) const {
  stream.fill(buffer_.data(), kGuard, buffer_.bytes());
  stream.fill(data(), kPoison, bytes_);
}

std::uint64_t GuardedResult::guards_touched(const DeviceTools& tools) const {
  return tools.count_changed(buffer_.data(), kGuardBytes, kGuard) +
         tools.count_changed(buffer_.as<unsigned char>(kGuardBytes + bytes_), kGuardBytes, kGuard);
}

std::uint64_t GuardedResult::poison_touched(const DeviceTools& tools) const {
  return tools.count_changed(data(), bytes_, kPoison);
}

Operands::Operands(const core::GemmProblem& p, const core::GroupDraw& draw,
                   const DeviceTools& tools, const core::Stream& stream)
    : problem_(p),
      draw_(draw),
      layout_(core::layout_of(p, draw)),
      a_(bytes(padded_rows() * p.k)),
      b_(bytes(p.groups * p.n * p.k)),
      scale_a_(bytes(4 * scale_a_count(p, layout_))),
      scale_b_(bytes(4 * scale_b_count(p))) {
  if (grouped()) rows_ = core::DeviceBuffer(layout_.rows.size() * sizeof(int));
  fill(tools, stream);
  padded_scale_b_ =
      core::DeviceBuffer(bytes(4 * p.groups * core::n_blocks(p) * padded_k_blocks(p)));
  stream.fill(padded_scale_b_.data(), 0, padded_scale_b_.bytes());
  stream.synchronize();
  pad_scales_of_b();
  if (grouped()) pack_scales_of_a();
}

void Operands::fill(const DeviceTools& tools, const core::Stream& stream) const {
  stream.fill(a_.data(), 0, a_.bytes());
  tools.fill_e4m3(a_.data(), bytes(layout_.all_rows * problem_.k), 1);
  tools.fill_e4m3(b_.data(), b_.bytes(), 2ull << 40);
  tools.fill_scales(scale_a_.as<float>(), scale_a_.bytes() / 4, 3ull << 40);
  tools.fill_scales(scale_b_.as<float>(), scale_b_.bytes() / 4, 4ull << 40);
  if (grouped()) core::copy_to_device(rows_.data(), layout_.rows.data(), rows_.bytes());
}

std::uint64_t Operands::fingerprint(const DeviceTools& tools) const {
  std::uint64_t hash = 0;
  for (const core::DeviceBuffer* each : {&a_, &b_, &scale_a_, &scale_b_, &rows_}) {
    if (each->bytes() == 0) continue;
    // Its hash takes two bytes for an element, whatever they mean; all of these have an even count.
    const std::uint64_t bits =
        tools.compare(each->data(), each->data(), each->bytes() / 2, 0).bits_hash;
    hash = hash * 0x9e3779b97f4a7c15 + bits;
  }
  return hash;
}

void Operands::pad_scales_of_b() {
  const std::size_t row = bytes(4 * core::k_blocks(problem_));
  core::copy_rows(padded_scale_b_.data(), bytes(4 * padded_k_blocks(problem_)), scale_b_.data(),
                  row, row, bytes(problem_.groups * core::n_blocks(problem_)));
}

void Operands::pack_scales_of_a() {
  const std::int64_t k_blocks = core::k_blocks(problem_);
  std::int64_t all = 0;
  for (const core::GroupSegment& each : layout_.segments) {
    packed_scales_at_.push_back(all);
    all += k_blocks * core::scale_a_stride(each.rows);
  }
  packed_scale_a_ = core::DeviceBuffer(bytes(4 * all));
  for (int g = 0; g < groups(); ++g) {
    const GroupProduct from = group(g, nullptr);
    const std::size_t row = bytes(4 * from.padded_m());
    if (row == 0) continue;
    core::copy_rows(packed_scale_a_.as<float>(bytes(4 * packed_scales_at_[bytes(g)])), row,
                    from.operands.scale_a, bytes(4 * from.scale_stride), row, bytes(k_blocks));
  }
}

std::int64_t Operands::padded_rows() const {
  return grouped() ? layout_.all_rows + kMostPadding : core::scale_a_stride(problem_);
}

core::GemmOperands Operands::writing_to(void* d) const {
  core::GemmOperands operands{a_.data(), b_.data(), scale_a_.as<float>(), scale_b_.as<float>(), d};
  if (grouped()) {
    operands.rows = rows_.as<int>();
    operands.row_extent = layout_.extent;
  }
  return operands;
}

GroupProduct Operands::group(int index, void* d) const {
  const core::GemmProblem& p = problem_;
  const core::GroupSegment segment = layout_.segments.at(bytes(index));
  const std::int64_t scales = core::n_blocks(p) * core::k_blocks(p);
  const std::int64_t stride = core::scale_a_stride(layout_.extent);
  const bool masked = p.operation == core::Operation::kGroupedMasked;
  const std::int64_t first_scale = masked ? index * core::k_blocks(p) * stride : segment.first;
  const float* const scale_a = scale_a_.as<float>(bytes(4 * first_scale));
  return {.problem = {.m = segment.rows, .n = p.n, .k = p.k},
          .operands = {.a = a_.as<unsigned char>(bytes(segment.first * p.k)),
                       .b = b_.as<unsigned char>(bytes(index * p.n * p.k)),
                       .scale_a = scale_a,
                       .scale_b = scale_b_.as<float>(bytes(4 * index * scales)),
                       .d = static_cast<unsigned char*>(d) + 2 * segment.first * p.n},
          .scale_stride = stride,
          .packed_scale_a =
              grouped() ? packed_scale_a_.as<float>(bytes(4 * packed_scales_at_[bytes(index)]))
                        : scale_a,
          .padded_scale_b =
              padded_scale_b_.as<float>(bytes(4 * index * core::n_blocks(p) * padded_k_blocks(p))),
          .segment = segment};
}

}  // namespace deepgemm::autotune
