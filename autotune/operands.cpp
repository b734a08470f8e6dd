#include "autotune/operands.h"

namespace deepgemm::autotune {
namespace {

std::size_t bytes(std::int64_t count) { return static_cast<std::size_t>(count); }

}  // namespace

void GuardedResult::arm(const core::Stream& stream) const {
  stream.fill(buffer_.data(), kGuard, buffer_.bytes());
  stream.fill(data(), kPoison, bytes_);
}

std::uint64_t GuardedResult::guards_touched(const DeviceTools& tools) const {
  return tools.count_changed(buffer_.data(), kGuardBytes, kGuard) +
         tools.count_changed(buffer_.as<unsigned char>(kGuardBytes + bytes_), kGuardBytes, kGuard);
}

Operands::Operands(const core::GemmProblem& p, const DeviceTools& tools, const core::Stream& stream)
    : problem_(p),
      a_(bytes(core::scale_a_stride(p) * p.k)),
      b_(bytes(p.n * p.k)),
      scale_a_(bytes(4 * core::k_blocks(p) * core::scale_a_stride(p))),
      scale_b_(bytes(4 * core::n_blocks(p) * core::k_blocks(p))) {
  stream.fill(a_.data(), 0, a_.bytes());
  tools.fill_e4m3(a_.data(), bytes(p.m * p.k), 1);
  tools.fill_e4m3(b_.data(), b_.bytes(), 2ull << 40);
  tools.fill_scales(scale_a_.as<float>(), scale_a_.bytes() / 4, 3ull << 40);
  tools.fill_scales(scale_b_.as<float>(), scale_b_.bytes() / 4, 4ull << 40);
  const std::int64_t padded_blocks = (core::k_blocks(p) + 3) / 4 * 4;
  padded_scale_b_ = core::DeviceBuffer(bytes(4 * core::n_blocks(p) * padded_blocks));
  stream.fill(padded_scale_b_.data(), 0, padded_scale_b_.bytes());
  stream.synchronize();
  core::copy_rows(padded_scale_b_.data(), bytes(4 * padded_blocks), scale_b_.data(),
                  bytes(4 * core::k_blocks(p)), bytes(4 * core::k_blocks(p)),
                  bytes(core::n_blocks(p)));
}

core::GemmOperands Operands::writing_to(void* d) const {
  return {a_.data(), b_.data(), scale_a_.as<float>(), scale_b_.as<float>(), d};
}

}  // namespace deepgemm::autotune
