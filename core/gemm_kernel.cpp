#include "core/gemm_kernel.h"

#include <algorithm>
#include <span>

#include "core/driver.h"
#include "core/error.h"
#include "core/module.h"
#include "kernels/dense_source.h"

namespace deepgemm::core {
namespace {

using kernels::cluster_size;

// A row-major matrix in device memory as TMA sees it: `columns` contiguous, rows `pitch_bytes`
// apart, moved in boxes of box_rows x box_columns. Outside reads as zero, is not written.
struct TensorView {
  CUtensorMapDataType type;
  const void* data;
  std::int64_t rows;
  std::int64_t columns;
  std::int64_t pitch_bytes;
  int box_rows;
  int box_columns;
  CUtensorMapSwizzle swizzle;

  friend bool operator==(const TensorView&, const TensorView&) = default;

  // Spreads views over a table: buffers differ in the middle bits of their address, views of one
  // buffer in their extents.
  std::size_t place() const {
    constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15;
    std::uint64_t mixed = reinterpret_cast<std::uintptr_t>(data) * kGolden;
    mixed = (mixed ^ static_cast<std::uint64_t>(rows)) * kGolden;
    mixed = (mixed ^ static_cast<std::uint64_t>(columns)) * kGolden;
    mixed = (mixed ^ static_cast<std::uint64_t>(box_rows)) * kGolden;
    return static_cast<std::size_t>(mixed >> 32);
  }
};

CUresult encode(CUtensorMap& map, const TensorView& view) {
  const cuuint64_t extent[] = {static_cast<cuuint64_t>(view.columns),
                               static_cast<cuuint64_t>(view.rows)};
  const cuuint64_t pitch[] = {static_cast<cuuint64_t>(view.pitch_bytes)};
  const cuuint32_t box[] = {static_cast<cuuint32_t>(view.box_columns),
                            static_cast<cuuint32_t>(view.box_rows)};
  const cuuint32_t step[] = {1, 1};
  return driver().cuTensorMapEncodeTiled(&map, view.type, 2, const_cast<void*>(view.data), extent,
                                         pitch, box, step, CU_TENSOR_MAP_INTERLEAVE_NONE,
                                         view.swizzle, CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
                                         CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
}

// Encoding depends on the view alone, and a server's views come again and again: weights always,
// activations where their buffers are reused. So each thread keeps the last maps that it encoded,
// one for each place of a small table; nobody else sees them, and no call frees or allocates.
CUresult encode_or_recall(CUtensorMap& map, const TensorView& view) {
  struct Known {
    TensorView view;
    CUtensorMap map;
  };
  constexpr std::size_t kPlaces = 64;
  static thread_local Known table[kPlaces] = {};
  Known& known = table[view.place() % kPlaces];
  if (known.view != view) {
    if (const CUresult result = encode(known.map, view); result != CUDA_SUCCESS) {
      known.view = {};
      return result;
    }
    known.view = view;
  }
  map = known.map;
  return CUDA_SUCCESS;
}

// The swizzle as wide as a store box; kernels/epilogue.cuh writes in the same order.
CUtensorMapSwizzle store_swizzle(int box_columns) {
  switch (box_columns) {
    case 64:
      return CU_TENSOR_MAP_SWIZZLE_128B;
    case 32:
      return CU_TENSOR_MAP_SWIZZLE_64B;
    case 16:
      return CU_TENSOR_MAP_SWIZZLE_32B;
    default:
      return CU_TENSOR_MAP_SWIZZLE_NONE;
  }
}

// DenseMaps of kernels/dense.cuh: a kernel takes as many maps of B as its tiles have segments.
struct Maps {
  CUtensorMap a;
  CUtensorMap scale_a;
  CUtensorMap d;
  CUtensorMap b[kernels::kMostSegments];
};

// How the rows of A and D are laid out.
struct RowLayout {
  std::int64_t rows;          // of A and D in all
  std::int64_t extent;        // of a dense D, of all segments, of one masked group
  std::int64_t scale_blocks;  // how many times the k-blocks of scales of A come

  RowLayout(const GemmProblem& problem, const GemmOperands& operands) {
    const bool masked = problem.operation == Operation::kGroupedMasked;
    extent = problem.operation == Operation::kDense ? problem.m : operands.row_extent;
    rows = masked ? problem.groups * extent : extent;
    scale_blocks = masked ? problem.groups : 1;
  }
};

constexpr std::int64_t kLineBytes = 4 * kernels::kLineFloats;

// How far from the start of its line of 128 bytes A's first scale lies, in bytes.
std::int64_t scale_offset(const GemmOperands& operands) {
  return static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(operands.scale_a) % kLineBytes);
}

// A's scales as the kernel loads them: rows of one k-block each, or lines from the one on that the
// first scale lies in. Every line holds a scale, so nothing is read from memory that is not there.
TensorView scale_view(const GemmConfig& c, const GemmProblem& p, const RowLayout& layout,
                      const GemmOperands& operands) {
  const kernels::ScaleBox box = kernels::scale_box(c, static_cast<int>(layout.extent));
  const std::int64_t rows = layout.scale_blocks * k_blocks(p);
  const std::int64_t pitch = 4 * scale_a_stride(layout.extent);
  TensorView view{CU_TENSOR_MAP_DATA_TYPE_FLOAT32,
                  operands.scale_a,
                  rows,
                  layout.extent,
                  pitch,
                  box.rows,
                  box.columns,
                  CU_TENSOR_MAP_SWIZZLE_NONE};
  if (kernels::loads_scale_lines(c)) {
    const std::int64_t offset = scale_offset(operands);
    view.data = reinterpret_cast<const char*>(operands.scale_a) - offset;
    view.rows = (offset + rows * pitch + kLineBytes - 1) / kLineBytes;
    view.columns = kernels::kLineFloats;
    view.pitch_bytes = kLineBytes;
  }
  return view;
}

CUresult encode_all(Maps& maps, const GemmConfig& c, const GemmProblem& p, const RowLayout& layout,
                    const GemmOperands& operands) {
  constexpr auto kByte = CU_TENSOR_MAP_DATA_TYPE_UINT8;
  constexpr auto kSwizzle128 = CU_TENSOR_MAP_SWIZZLE_128B;
  const int store_columns = kernels::store_box_n(c);
  const int m = static_cast<int>(layout.extent);
  const TensorView a{kByte,
                     operands.a,
                     layout.rows,
                     p.k,
                     p.k,
                     kernels::loaded_rows(c, m) / c.cluster_n,
                     kernels::kBlockK,
                     kSwizzle128};
  const TensorView d{CU_TENSOR_MAP_DATA_TYPE_BFLOAT16,
                     operands.d,
                     layout.rows,
                     p.n,
                     2 * p.n,
                     kernels::kWgmmaM,
                     store_columns,
                     store_swizzle(store_columns)};
  CUresult result = encode_or_recall(maps.a, a);
  if (result == CUDA_SUCCESS) {
    result = encode_or_recall(maps.scale_a, scale_view(c, p, layout, operands));
  }
  if (result == CUDA_SUCCESS) result = encode_or_recall(maps.d, d);
  for (int i = 0; i < kernels::segments(c) && result == CUDA_SUCCESS; ++i) {
    const TensorView b{kByte,
                       operands.b,
                       p.groups * p.n,
                       p.k,
                       p.k,
                       kernels::segment_width(c, i) / c.cluster_m,
                       kernels::kBlockK,
                       kSwizzle128};
    result = encode_or_recall(maps.b[i], b);
  }
  return result;
}

// Cluster tiles of a product; of a grouped one, the most that its row counts can make of it.
std::int64_t most_tiles(const GemmConfig& config, const GemmProblem& problem,
                        const RowLayout& layout) {
  const kernels::TileCount tiles =
      kernels::cluster_tiles(config, static_cast<int>(layout.extent), static_cast<int>(problem.n));
  switch (problem.operation) {
    case Operation::kDense:
      return std::int64_t{tiles.m} * tiles.n;
    case Operation::kGroupedContiguous:  // each segment may end in a partial tile
      return (std::int64_t{tiles.m} + problem.groups) * tiles.n;
    case Operation::kGroupedMasked:
      return std::int64_t{tiles.m} * tiles.n * problem.groups;
  }
  return 0;
}

CUlaunchAttribute cluster_attribute(const GemmConfig& config) {
  CUlaunchAttribute attribute{};
  attribute.id = CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION;
  attribute.value.clusterDim.x = static_cast<unsigned>(cluster_size(config));
  attribute.value.clusterDim.y = 1;
  attribute.value.clusterDim.z = 1;
  return attribute;
}

// Programmatic dependent launch: whether the kernel is right when it starts early is its own affair
// (ptx::wait_for_kernel_before).
CUlaunchAttribute overlap_attribute() {
  CUlaunchAttribute attribute{};
  attribute.id = CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION;
  attribute.value.programmaticStreamSerializationAllowed = 1;
  return attribute;
}

// `attributes` must outlive the returned value, which points to them.
CUlaunchConfig launch_config(const GemmConfig& config, std::span<CUlaunchAttribute> attributes,
                             int clusters) {
  CUlaunchConfig launch{};
  launch.gridDimX = static_cast<unsigned>(clusters * cluster_size(config));
  launch.gridDimY = launch.gridDimZ = 1;
  launch.blockDimX = static_cast<unsigned>(kernels::block_threads(config));
  launch.blockDimY = launch.blockDimZ = 1;
  launch.sharedMemBytes = static_cast<unsigned>(kernels::shared_bytes(config));
  launch.attrs = attributes.data();
  launch.numAttrs = static_cast<unsigned>(attributes.size());
  return launch;
}

// How many clusters run at once: a persistent kernel launches no more. A cluster must fit into
// one GPC, and some GPCs have fewer SMs, so only the driver knows.
int resident_clusters(CUfunction function, const GemmConfig& config) {
  CUlaunchAttribute attribute = cluster_attribute(config);
  const CUlaunchConfig launch = launch_config(config, {&attribute, 1}, 1);
  int clusters = 0;
  check(driver().cuOccupancyMaxActiveClusters(&clusters, function, &launch),
        "computing the occupancy of a kernel");
  if (clusters < 1) {
    throw EnvironmentError("No block of config " + to_string(config) + " fits on this GPU",
                           "Tune on this GPU, or choose another config.");
  }
  return clusters;
}

}  // namespace

namespace {

const std::string& launchable(const std::string& entry) {
  if (entry == kernels::kDenseEntry) return entry;
  throw EnvironmentError("Kernel '" + entry + "' comes from another version of deepgemm, which " +
                             "launches it in another way than this one launches '" +
                             kernels::kDenseEntry + "'",
                         "Tune the shape again with this version, or use that one.");
}

}  // namespace

struct GemmKernel::State {
  explicit State(const Cubin& cubin)
      : config(cubin.config),
        module(cubin.image),
        function(module.function(launchable(cubin.entry))) {
    check(driver().cuFuncSetAttribute(function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                                      static_cast<int>(kernels::shared_bytes(config))),
          "granting shared memory to a kernel");
    clusters = resident_clusters(function, config);
  }

  GemmConfig config;
  Module module;
  CUfunction function;
  int clusters = 0;
};

GemmKernel::GemmKernel(const Cubin& cubin) : state_(std::make_unique<State>(cubin)) {}
GemmKernel::~GemmKernel() = default;
GemmKernel::GemmKernel(GemmKernel&&) noexcept = default;
GemmKernel& GemmKernel::operator=(GemmKernel&&) noexcept = default;

const GemmConfig& GemmKernel::config() const { return state_->config; }

int GemmKernel::launch(const GemmProblem& problem, const GemmOperands& operands,
                       CUstream_st* stream, Start start) const {
  const GemmConfig& config = state_->config;
  if (config.operation != kernel_operation(problem.operation)) return CUDA_ERROR_INVALID_VALUE;
  const RowLayout layout(problem, operands);
  Maps maps;
  if (const CUresult result = encode_all(maps, config, problem, layout, operands);
      result != CUDA_SUCCESS) {
    return result;
  }
  kernels::GemmArguments arguments{operands.scale_b,
                                   static_cast<unsigned short*>(operands.d),
                                   static_cast<int>(layout.extent),
                                   static_cast<int>(problem.n),
                                   static_cast<int>(problem.k),
                                   static_cast<int>(scale_offset(operands) / 4),
                                   problem.groups,
                                   operands.rows};
  const std::int64_t wanted = most_tiles(config, problem, layout);
  CUlaunchAttribute attributes[] = {cluster_attribute(config), overlap_attribute()};
  CUlaunchConfig launch =
      launch_config(config, std::span(attributes, start == Start::kOverlapped ? 2 : 1),
                    static_cast<int>(std::min<std::int64_t>(state_->clusters, wanted)));
  launch.hStream = stream;
  void* parameters[] = {&maps, &arguments};
  return driver().cuLaunchKernelEx(&launch, state_->function, parameters, nullptr);
}

}  // namespace deepgemm::core
