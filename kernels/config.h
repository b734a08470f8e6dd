// The free choices of a dense FP8 kernel and everything that follows from them.
//
// Read twice: by the host (pruner, launcher, database) and by NVRTC (the kernel). So it includes
// nothing, and every formula below exists once.
#pragma once

namespace deepgemm::kernels {

// One field list feeds the JIT text, the database columns, the command-line filter and the report
// header. X(name, default, meaning). A new field goes at the end; old database rows then read as
// the default.
#define DEEPGEMM_CONFIG_FIELDS(X)                                                        \
  X(block_m, 128, "rows of D computed by one block; 64 times math_warpgroups, or twice") \
  X(block_n, 128, "columns of D computed by one block; a multiple of 8")                 \
  X(stages, 4, "depth of the shared-memory pipeline, in k-blocks of 128")                \
  X(cluster_m, 1, "blocks of a cluster along m; they share the tile of B by multicast")  \
  X(cluster_n, 1, "blocks of a cluster along n; they share the tile of A by multicast")  \
  X(math_warpgroups, 2, "warpgroups that issue wgmma, beside the one that loads")        \
  X(accumulator_sets, 1, "tensor-core accumulators in flight per warpgroup, 1 or 2")     \
  X(raster_group, 8, "tiles along m walked together before n advances (L2 reuse)")       \
  X(split_k, 1, "blocks of a cluster that share one tile of D, each with a slice of k")  \
  X(operation, 1, "what is computed: 1 dense, 2 grouped-contiguous, 3 grouped-masked")   \
  X(l2_policy, 1, "what makes room in L2: 1 what lies there longest, 2 first of all A and B")

// Values of GemmConfig::operation.
inline constexpr int kDense = 1;
inline constexpr int kGroupedContiguous = 2;
inline constexpr int kGroupedMasked = 3;

// Values of GemmConfig::l2_policy.
inline constexpr int kEvictInTurn = 1;
inline constexpr int kEvictOperands = 2;

// Structural, so that it can be a template argument. Two configs are the same kernel exactly when
// all fields are equal.
struct GemmConfig {
#define DEEPGEMM_FIELD(name, value, meaning) int name = value;
  DEEPGEMM_CONFIG_FIELDS(DEEPGEMM_FIELD)
#undef DEEPGEMM_FIELD

  friend constexpr bool operator==(const GemmConfig&, const GemmConfig&) = default;
};

// k is walked in blocks of 128: one row of the 128-byte swizzle, one column of scales.
inline constexpr int kBlockK = 128;
// Columns and rows that share one scale of B.
inline constexpr int kScaleBlock = 128;
// Rows of one wgmma.
inline constexpr int kWgmmaM = 64;
// k of one wgmma on 8-bit operands.
inline constexpr int kWgmmaK = 32;
inline constexpr int kWarpgroupThreads = 128;
// Largest box side of a tensor map.
inline constexpr int kMaxBoxRows = 256;

constexpr int ceil_div(int a, int b) { return (a + b - 1) / b; }

constexpr int greatest_common_divisor(int a, int b) {
  while (b != 0) {
    const int rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

// 64-row slabs of the tile that one math warpgroup owns.
constexpr int slabs_per_warpgroup(GemmConfig c) {
  return c.block_m / (kWgmmaM * c.math_warpgroups);
}

// Blocks that work on different tiles of D side by side, and may share loads by multicast.
constexpr int multicast_size(GemmConfig c) { return c.cluster_m * c.cluster_n; }

constexpr int cluster_size(GemmConfig c) { return multicast_size(c) * c.split_k; }

// Blocks that write into one block's stage: its row of the cluster (A) and its column (B).
constexpr int stage_writers(GemmConfig c) { return c.cluster_m + c.cluster_n - 1; }

constexpr int block_threads(GemmConfig c) { return kWarpgroupThreads * (1 + c.math_warpgroups); }

// A tile's columns need not lie side by side in D. They come in segments, the binary digits of
// block_n from the widest on: 128 + 16 columns for 144, 64 + 32 for 96. The first segments of all
// tiles along n fill D from column 0 on, behind them lie the second ones, and so on. So each begins
// at a multiple of its own width, and lies within one scale block whatever the tile: where 144
// columns in a row would straddle two blocks in a place of their own, choosing each column's scale
// at run time took a third of the promotion.
//
// No tables and no loops here: the kernel's compiler must see through them in unrolled loops.
inline constexpr int kMostSegments = 5;  // of 248 columns

// Whether block_n has a segment of `width` columns, 64 to 8, and where that ends within the tile.
constexpr bool has_segment(GemmConfig c, int width) { return c.block_n / width % 2 == 1; }
constexpr int segment_end(GemmConfig c, int width) { return c.block_n / width * width; }

// Which segment the tile's column `column` belongs to: how many end before it.
constexpr int segment_of(GemmConfig c, int column) {
  const int widest = c.block_n / kScaleBlock;
  int index = column / kScaleBlock < widest ? column / kScaleBlock : widest;
  index += has_segment(c, 64) && column >= segment_end(c, 64) ? 1 : 0;
  index += has_segment(c, 32) && column >= segment_end(c, 32) ? 1 : 0;
  index += has_segment(c, 16) && column >= segment_end(c, 16) ? 1 : 0;
  return index;
}
constexpr int segments(GemmConfig c) { return segment_of(c, c.block_n - 8) + 1; }

// Columns of segment `index`.
constexpr int segment_width(GemmConfig c, int index) {
  int before = c.block_n / kScaleBlock;  // segments wider than the one looked at
  if (index < before) return kScaleBlock;
  if (has_segment(c, 64) && index == before++) return 64;
  if (has_segment(c, 32) && index == before++) return 32;
  if (has_segment(c, 16) && index == before++) return 16;
  return 8;
}

// Where segment `index` begins within the tile.
constexpr int segment_begin(GemmConfig c, int index) {
  const int width = segment_width(c, index);
  return width == kScaleBlock ? index * kScaleBlock : segment_end(c, width) - width;
}

// The first column of D of segment `index` of tile `tile`, where there are `tiles` along n.
constexpr int segment_column(GemmConfig c, int index, int tile, int tiles) {
  return tiles * segment_begin(c, index) + tile * segment_width(c, index);
}

// Columns of one TMA store box: the widest swizzle row (64, 32, 16 or 8 columns of bf16) that
// divides block_n, so that no box crosses into the neighbour's tile.
constexpr int store_box_n(GemmConfig c) {
  return c.block_n % 64 == 0 ? 64 : c.block_n % 32 == 0 ? 32 : c.block_n % 16 == 0 ? 16 : 8;
}

// Registers per thread after setmaxnreg. The register file holds 64 K; with one math warpgroup
// the launch already grants 255 and nothing has to move.
struct RegisterBudget {
  int producer;
  int math;
  bool reallocates;
};
constexpr RegisterBudget register_budget(GemmConfig c) {
  switch (c.math_warpgroups) {
    case 1:
      return {255, 255, false};
    case 2:
      return {40, 232, true};
    default:
      return {32, 160, true};
  }
}

// fp32 registers per thread held by accumulators: those the tensor core writes, and the promoted
// ones of every slab.
constexpr int accumulator_registers(GemmConfig c) {
  return (c.accumulator_sets + slabs_per_warpgroup(c)) * c.block_n / 2;
}

// The blocks that split k add up a share each of their tile: groups of 8 columns from
// share_begin(c, slice) to share_begin(c, slice + 1).
constexpr int share_begin(GemmConfig c, int slice) { return c.block_n / 8 * slice / c.split_k; }
constexpr int share_most(GemmConfig c) { return ceil_div(c.block_n / 8, c.split_k); }

// fp32 sums that a block gets of the others for its share; none to speak of unsplit.
constexpr int partial_sums(GemmConfig c) {
  return c.split_k > 1 ? (c.split_k - 1) * share_most(c) * 8 * c.block_m : 4;
}

// Shared memory of a block on every Hopper GPU: 227 KB.
inline constexpr int kSharedLimit = 232448;

// Floats of one line of 128 bytes, as memory is read in.
inline constexpr int kLineFloats = 32;

// Leading dimension of A's scales of m rows, in floats.
constexpr int scale_stride(int m) { return ceil_div(m, 4) * 4; }

// Whether A's scales come in whole lines. Those of a k-block begin anywhere in a line where
// scale_stride is no multiple of a line, and TMA then fetches a box of just them in two pieces for
// each line. In whole lines, the math warps add to each address where in its line the first one
// lies. That spares 2 to 8 % where a small tile's loads are the limit (355x4096x7168, 192x64: 23.6
// and 22.3 us), and costs 1 % where the tensor cores are it.
constexpr bool loads_scale_lines(GemmConfig c) { return c.block_m * c.block_n <= 192 * 64; }

// Floats that a stage has room for of A's scales.
constexpr int scale_room(GemmConfig c) {
  return c.block_m + (loads_scale_lines(c) ? kLineFloats : 0);
}

// Bytes of one stage of the pipeline.
constexpr int stage_bytes(GemmConfig c) {
  return (c.block_m + c.block_n) * kBlockK + scale_room(c) * 4;
}

// Rows of A that a stage is filled with. A D of fewer rows than a tile needs no more of them: the
// tensor core multiplies whatever lies in the others, and nothing is stored of that. TMA takes
// longer over rows outside A than over none.
constexpr int loaded_rows(GemmConfig c, int m) {
  return m < c.block_m && c.cluster_n == 1 ? m : c.block_m;
}

// The box that A's scales of those rows come in, in floats.
struct ScaleBox {
  int rows;
  int columns;
};
constexpr ScaleBox scale_box(GemmConfig c, int m) {
  const int scales = m < c.block_m ? scale_stride(m) : c.block_m;  // a box has whole 16 bytes
  // At worst the first one is the last 16 bytes of its line.
  return loads_scale_lines(c)
             ? ScaleBox{ceil_div(kLineFloats - 4 + scales, kLineFloats), kLineFloats}
             : ScaleBox{1, scales};
}

// What TMA's barrier waits for: a box counts in full even where it lies outside the tensor.
constexpr int loaded_bytes(GemmConfig c, int m) {
  const ScaleBox scales = scale_box(c, m);
  return (loaded_rows(c, m) + c.block_n) * kBlockK + scales.rows * scales.columns * 4;
}

// The most groups of a grouped product.
inline constexpr int kMaxGroups = 512;

// Which rows of A and D each group has, and which tiles (group_table.cuh).
struct GroupTable {
  int first_tile[kMaxGroups + 4];  // in cluster tiles; the last but three entries for alignment
  int first_row[kMaxGroups];
  int end_row[kMaxGroups];
};

// Shared memory that a grouped kernel needs beside SharedStorage.
constexpr int group_table_bytes(GemmConfig c) {
  return c.operation == kDense ? 0 : static_cast<int>(sizeof(GroupTable));
}

// Everything in a block's shared memory but D's tile on its way out.
constexpr long long pipeline_bytes(GemmConfig c) {
  const long long barriers = 16LL * c.stages + 16;
  return 1LL * c.stages * stage_bytes(c) + 4LL * partial_sums(c) + barriers;
}

// D leaves a math warpgroup in boxes of 64 rows x store_box_n columns. Each warpgroup has room for
// so many of them: all of its tile if the stages leave the space, else fewer, but at least one.
// What is split over k leaves from registers.
constexpr int store_box_bytes(GemmConfig c) { return kWgmmaM * store_box_n(c) * 2; }
constexpr int boxes_per_slab(GemmConfig c) { return c.block_n / store_box_n(c); }
constexpr int store_boxes(GemmConfig c) {
  if (c.split_k > 1) return 1;
  const int all = slabs_per_warpgroup(c) * boxes_per_slab(c);
  const long long most = (kSharedLimit - group_table_bytes(c)) / 1024 * 1024;  // of storage_bytes
  const long long left = most - pipeline_bytes(c);
  const long long room = left / (1LL * c.math_warpgroups * store_box_bytes(c));
  return room >= all ? all : room > 1 ? static_cast<int>(room) : 1;
}

// Boxes that leave together: a whole slab, or the largest even share of one that there is room for.
constexpr int boxes_per_store(GemmConfig c) {
  int boxes = boxes_per_slab(c);
  while (boxes > store_boxes(c) || boxes_per_slab(c) % boxes != 0) --boxes;
  return boxes;
}

// Stores of one warpgroup that may be on their way at once, each from a place of its own.
constexpr int store_places(GemmConfig c) { return store_boxes(c) / boxes_per_store(c); }

// Elements of D's tile in shared memory, all warpgroups together; none to speak of where it leaves
// from registers.
constexpr int store_elements(GemmConfig c) {
  if (c.split_k > 1) return 512;
  return c.math_warpgroups * store_places(c) * boxes_per_store(c) * kWgmmaM * store_box_n(c);
}

// Shared memory of one block; a grouped kernel's GroupTable lies behind it.
template <GemmConfig C>
struct SharedStorage {
  alignas(1024) unsigned char a[C.stages][C.block_m * kBlockK];
  alignas(1024) unsigned char b[C.stages][C.block_n * kBlockK];
  // bf16 on its way out: [math_warpgroups][store_places][boxes_per_store][64][store_box_n],
  // swizzled.
  alignas(1024) unsigned short d[store_elements(C)];
  alignas(128) float scale_a[C.stages][scale_room(C)];
  // Sums of the other blocks that split k, for this block's share (split_k.cuh).
  alignas(16) float partial[partial_sums(C)];
  alignas(8) unsigned long long full[C.stages];
  alignas(8) unsigned long long empty[C.stages];
  alignas(8) unsigned long long partial_ready;
  alignas(8) unsigned long long partial_taken;
};

// sizeof(SharedStorage<c>) for a config known only at run time; a test holds the two together.
constexpr long long storage_bytes(GemmConfig c) {
  return (pipeline_bytes(c) + 2LL * store_elements(c) + 1023) / 1024 * 1024;
}

// Shared memory that a block is launched with.
constexpr long long shared_bytes(GemmConfig c) { return storage_bytes(c) + group_table_bytes(c); }

// Run-time arguments of a kernel beside its tensor maps.
struct GemmArguments {
  const float* scale_b;  // [groups, ceil(n/128), ceil(k/128)]
  unsigned short* d;     // bf16, row-major: [m, n], grouped-masked [groups, m, n]
  int m;                 // rows of A and D; grouped-masked: of each group, used or not
  int n;
  int k;
  int scale_place;  // of A's first scale in its line of 128 bytes, in floats
  int groups;       // at most kMaxGroups; dense: 1
  const int* rows;  // grouped-contiguous: [m], the group of each row, negative for padding;
                    // grouped-masked: [groups], how many rows of each group are used
};

// k-blocks of one slice: the first of slice `index`, which is also the end of the one before it.
constexpr int slice_begin(GemmConfig c, int k_blocks, int index) {
  return static_cast<int>(1LL * k_blocks * index / c.split_k);
}

// Where a cluster's share of the tile space lies. Tiles are numbered in cluster tiles.
struct TileCount {
  int m;  // cluster tiles along m
  int n;
};
constexpr TileCount cluster_tiles(GemmConfig c, int m, int n) {
  return {ceil_div(ceil_div(m, c.block_m), c.cluster_m),
          ceil_div(ceil_div(n, c.block_n), c.cluster_n)};
}

}  // namespace deepgemm::kernels
