#include "autotune/device_tools.h"

#include <cmath>

#include "core/support_kernels.h"
#include "kernels/stream_floor.h"

namespace deepgemm::autotune {
namespace {

constexpr unsigned kThreads = 256;
constexpr unsigned kBlocks = 132 * 8;  // grid-stride kernels: enough to fill any Hopper GPU

// As in kernels/verification.cu.
struct Comparison {
  double squared_difference;
  double squared_reference;
  float max_error;
  std::uint32_t unused;
  std::uint64_t unwritten;
  std::uint64_t bits_hash;
};

int stride_of(const core::GemmProblem& problem, std::int64_t scale_stride) {
  return static_cast<int>(scale_stride > 0 ? scale_stride : core::scale_a_stride(problem));
}

double ratio_of_roots(double numerator, double denominator) {
  return denominator > 0 ? std::sqrt(numerator / denominator) : std::sqrt(numerator);
}

}  // namespace

DeviceTools::DeviceTools(const core::Stream& stream)
    : stream_(stream), module_(core::load_support_kernels()), result_(sizeof(Comparison)) {}

template <typename... Arguments>
void DeviceTools::run(const char* kernel, unsigned blocks, Arguments... arguments) const {
  void* addresses[] = {&arguments..., nullptr};
  core::launch(module_->function(kernel), blocks, kThreads, stream_.get(), addresses);
}

void DeviceTools::fill_e4m3(void* out, std::uint64_t count, std::uint64_t seed) const {
  run("deepgemm_fill_e4m3", kBlocks, out, count, seed);
}

void DeviceTools::fill_scales(float* out, std::uint64_t count, std::uint64_t seed) const {
  run("deepgemm_fill_scales", kBlocks, out, count, seed);
}

void DeviceTools::reference(const core::GemmProblem& p, const core::GemmOperands& o,
                            std::int64_t scale_stride) const {
  const auto tiles = static_cast<unsigned>((p.m + 15) / 16 * ((p.n + 15) / 16));
  run("deepgemm_reference", tiles, o.a, o.b, o.scale_a, o.scale_b, o.d, static_cast<int>(p.m),
      static_cast<int>(p.n), static_cast<int>(p.k), stride_of(p, scale_stride));
}

void DeviceTools::exact_rows(const core::GemmProblem& p, const core::GemmOperands& o,
                             const int* rows, int row_count, double* out,
                             std::int64_t scale_stride) const {
  run("deepgemm_exact_rows", kBlocks, o.a, o.b, o.scale_a, o.scale_b, rows, row_count, out,
      static_cast<int>(p.n), static_cast<int>(p.k), stride_of(p, scale_stride));
}

Difference DeviceTools::compare(const void* d, const void* reference, std::uint64_t count,
                                double rms) const {
  Comparison sums{};
  stream_.fill(result_.data(), 0, sizeof(sums));
  run("deepgemm_compare", kBlocks, d, reference, count, static_cast<float>(rms), result_.data());
  stream_.synchronize();
  core::copy_to_host(&sums, result_.data(), sizeof(sums));
  return {ratio_of_roots(sums.squared_difference, sums.squared_reference),
          std::sqrt(sums.squared_reference / static_cast<double>(count)), sums.max_error,
          sums.unwritten, sums.bits_hash};
}

double DeviceTools::compare_rows(const void* d, const double* exact, const int* rows, int row_count,
                                 std::int64_t n) const {
  double sums[2] = {};
  stream_.fill(result_.data(), 0, sizeof(sums));
  run("deepgemm_compare_rows", kBlocks, d, exact, rows, row_count, static_cast<int>(n),
      result_.data());
  stream_.synchronize();
  core::copy_to_host(sums, result_.data(), sizeof(sums));
  return ratio_of_roots(sums[0], sums[1]);
}

std::uint64_t DeviceTools::count_changed(const void* bytes, std::uint64_t count, int value) const {
  std::uint64_t changed = 0;
  stream_.fill(result_.data(), 0, sizeof(changed));
  run("deepgemm_count_changed", kBlocks, bytes, count, value, result_.data());
  stream_.synchronize();
  core::copy_to_host(&changed, result_.data(), sizeof(changed));
  return changed;
}

void DeviceTools::move_bytes(const void* source, std::int64_t read_bytes, void* target,
                             std::int64_t written_bytes, int sms) const {
  long long read = whole_copies(read_bytes);
  long long written = whole_copies(written_bytes);
  void* addresses[] = {&source, &read, &target, &written};
  CUfunc_st* const kernel = module_->function("deepgemm_stream_floor");
  core::allow_shared(kernel, sizeof(kernels::FloorStorage));
  core::launch(kernel, static_cast<unsigned>(sms), kernels::kFloorThreads, stream_.get(), addresses,
               sizeof(kernels::FloorStorage));
}

void DeviceTools::launch_empty() const { run("deepgemm_empty", 1); }

}  // namespace deepgemm::autotune
