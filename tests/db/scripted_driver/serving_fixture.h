// A bundle to serve from on a CUDA driver that is a script, and a door that looks at every launch.
#pragma once

#include <atomic>
#include <cstring>

#include "core/config.h"
#include "core/include/deepgemm/deepgemm.hpp"
#include "db/bundle_file.h"
#include "tests/db/fixture.h"
#include "tests/db/scripted_driver/scripted_driver.h"

namespace deepgemm::db {

using scripted_driver::Launch;
using scripted_driver::Tensor;

inline constexpr std::int64_t kTunedM[] = {1, 16, 64, 128, 512, 4096};

// What stands behind a stream's handle: who uses it, and what was launched on it.
struct Stream : scripted_driver::StreamHandle {
  std::atomic<int> launches = 0;
  std::atomic<int> wrong = 0;
  // What the owner launches just now.
  deepgemm_problem problem{};
  deepgemm_operands operands{};
  std::string image;
  int device = 0;
  bool overlapped = false;
};

inline CUstream handle_of(Stream& stream) {
  return reinterpret_cast<CUstream>(static_cast<scripted_driver::StreamHandle*>(&stream));
}

// The maps of a launch, as kernels/dense.cuh's DenseMaps has them: B from kMapOfB on, once for each
// segment of a tile.
enum { kMapOfA, kMapOfScales, kMapOfD, kMapOfB };
inline Tensor map_of(const Launch& launch, int index) {
  Tensor tensor;
  std::memcpy(&tensor, static_cast<const CUtensorMap*>(launch.parameters[0]) + index,
              sizeof tensor);
  return tensor;
}

inline kernels::GemmArguments arguments_of(const Launch& launch) {
  kernels::GemmArguments arguments;
  std::memcpy(&arguments, launch.parameters[1], sizeof arguments);
  return arguments;
}

inline bool describes(const Tensor& tensor, const void* data, std::int64_t rows,
                      std::int64_t columns) {
  return tensor.data == data && tensor.rows == static_cast<cuuint64_t>(rows) &&
         tensor.columns == static_cast<cuuint64_t>(columns);
}

inline core::GemmConfig config_for(std::int64_t m) {
  return core::parse_config(m <= 64 ? "block_m=64,math_warpgroups=1" : "block_m=128,block_n=144");
}

// A's scales as rows of one k-block each, or as lines of 128 bytes; those of the tests begin with a
// line.
inline bool describes_scales(const Tensor& tensor, const core::GemmConfig& config,
                             const float* scales, std::int64_t k_blocks, std::int64_t m) {
  if (!kernels::loads_scale_lines(config)) return describes(tensor, scales, k_blocks, m);
  const std::int64_t lines = (k_blocks * core::scale_a_stride(m) + 31) / 32;
  return describes(tensor, scales, lines, 32);
}

inline bool describe_segments(const Launch& launch, const core::GemmConfig& config, const void* b,
                              std::int64_t n, std::int64_t k) {
  for (int i = 0; i < kernels::segments(config); ++i) {
    const Tensor tensor = map_of(launch, kMapOfB + i);
    const int rows = kernels::segment_width(config, i) / config.cluster_m;
    if (!describes(tensor, b, n, k) || tensor.box_rows != static_cast<cuuint32_t>(rows)) {
      return false;
    }
  }
  return true;
}

// The driver's door: each launch must be the one that its stream's owner asked for.
inline void check_launch(const Launch& launch) {
  Stream& stream =
      static_cast<Stream&>(*reinterpret_cast<scripted_driver::StreamHandle*>(launch.stream));
  const deepgemm_problem& p = stream.problem;
  const deepgemm_operands& o = stream.operands;
  const kernels::GemmArguments arguments = arguments_of(launch);
  const core::GemmConfig config = config_for(stream.image == "fallback" ? 1 : p.m);
  const bool right =
      launch.image == stream.image && launch.device == stream.device &&
      launch.overlapped == stream.overlapped && describes(map_of(launch, kMapOfA), o.a, p.m, p.k) &&
      describe_segments(launch, config, o.b, p.n, p.k) &&
      describes_scales(map_of(launch, kMapOfScales), config, o.scale_a, (p.k + 127) / 128, p.m) &&
      arguments.scale_place == 0 && describes(map_of(launch, kMapOfD), o.d, p.m, p.n) &&
      arguments.scale_b == o.scale_b && arguments.d == o.d && arguments.m == p.m &&
      arguments.n == p.n && arguments.k == p.k && launch.blocks > 0;
  stream.wrong += right ? 0 : 1;
  ++stream.launches;
}

// The image of each kernel names it.
inline core::Cubin kernel_named(const std::string& key, const core::GemmConfig& config) {
  core::Cubin cubin{key, kernels::kDenseEntry, config, {key.begin(), key.end()}, {}};
  cubin.image.push_back('\0');
  return cubin;
}

inline std::string key_of(std::int64_t m) { return "kernel-of-" + std::to_string(m); }

class Serving : public testing::Test {
 protected:
  Serving() {
    BundleContents contents;
    contents.device_id = "h100-sxm5";
    for (const std::int64_t m : kTunedM) {
      WinnerRow row{winner_of(m), environment_of(), "2026-01-01T00:00:00.000Z", 0};
      row.winner.config = config_for(m);
      row.winner.kernel_key = key_of(m);
      contents.cubins.push_back(kernel_named(key_of(m), config_for(m)));
      contents.winners.push_back(std::move(row));
    }
    contents.cubins.push_back(kernel_named("fallback", config_for(1)));
    contents.fallbacks.push_back({core::Operation::kDense, "fallback", environment_of()});
    write_bundle(contents, path_);
    scripted_driver::watch_launches(check_launch);
  }

  // Memory that nobody reads: only its addresses matter, and each call has other ones.
  static deepgemm_operands operands_at(std::size_t place) {
    const auto address = [place](std::size_t which) {
      return reinterpret_cast<void*>((place + 1) << 20 | which << 12);
    };
    return {address(1), address(2), static_cast<float*>(address(3)),
            static_cast<float*>(address(4)), address(5)};
  }

  // One product on `stream`, of a shape that has a row or, every fifth time, none.
  static void launch_one(deepgemm::Runtime& runtime, Stream& stream, std::size_t serial) {
    const std::int64_t m = kTunedM[serial % std::size(kTunedM)];
    const bool has_row = serial % 5 != 0;
    stream.problem = {m, has_row ? 2112 : 1024, 7168};
    stream.operands = operands_at(serial);
    stream.image = has_row ? key_of(m) : "fallback";
    ASSERT_TRUE(
        runtime.gemm(stream.problem, stream.operands, handle_of(stream), DEEPGEMM_MISS_FALLBACK));
  }

  TempFolder folder_;
  std::string path_ = (folder_ / "b.dgdb").string();
};

}  // namespace deepgemm::db
