// Every number of the cost model, in one table, so that a calibration changes one file.
//
// Those that no kernel shows alone (sharpness, latencies, clocks of an epilogue) were fitted
// together to the 9227 candidates that tuning tests/data/deepseek_v3_dense.csv and
// deepgemm_grouped.csv measured on an h100-sxm5, the faster ones weighing more; those of what
// several groups read late or evict too soon to 5605 candidates of the second list. Of the 11281
// trials of a later tune of both the model is 7.2 % off near the best of a shape (root mean
// square), and the best of the twelve candidates that it ranks first is 0.9 % behind the best of
// all (geometric mean over 97 shapes).
#pragma once

#include <array>

namespace deepgemm::autotune::cost {

// --- Start ---

// An empty kernel (measured 1.0 us).
inline constexpr double kEmptyKernelUs = 1.0;
// Barrier set-up, tensor maps, code and the first bytes, all from cold memory, before the first
// wgmma (clock stamps in the kernel: 1.9 to 2.8 us).
inline constexpr double kFirstStageUs = 1.8;
// A cluster starts together.
inline constexpr double kClusterMeetingUs = 0.05;

// --- Device memory ---

// Time of a kernel that only reads, all SMs, L2 cold, measured on an h100-sxm5; the empty kernel
// is in it. Other devices scale what exceeds the empty kernel by their bandwidth.
struct FloorPoint {
  double bytes;
  double us;
};
inline constexpr std::array kReadFloor{
    FloorPoint{0, 1.0},      FloorPoint{0.5e6, 2.1},  FloorPoint{2e6, 2.9},
    FloorPoint{4e6, 4.0},    FloorPoint{8e6, 5.6},    FloorPoint{15e6, 8.6},
    FloorPoint{29e6, 14.8},  FloorPoint{58e6, 26.8},  FloorPoint{117e6, 47.6},
    FloorPoint{235e6, 85.0}, FloorPoint{470e6, 158.0}};
inline constexpr double kFloorDeviceGbps = 2980;  // memory_gbps of the device above
// Writes run beside the reads; their share of bandwidth over that of reads.
inline constexpr double kWriteRate = 0.86;
// Operands that take the place of data not yet written back wait for that: what is spared where
// they take each other's place, up to all of L2, less what D takes.
inline constexpr double kWriteBackUsPerMb = 0.12;
// Share of the L2 that holds operands between waves; D's lines and conflicts take the rest.
inline constexpr double kUsefulL2 = 0.78;
// What is evicted first does not wait for its next reader. Of what a later wave reads again, so
// much comes from memory; and where a group has several rows of tiles, of its B for each but the
// first, and of its A as much as this share of B for each cluster that reads it.
inline constexpr double kEvictedShare = 0.74;
inline constexpr double kEvictedB = 0.4;
inline constexpr double kEvictedA = 0.003;
// Of B that later rows of tiles of a group read, where other groups' B has passed through L2.
inline constexpr double kLateB = 0.8;
inline constexpr double kLateAtLeast = 0.08;

// --- From L2 to the SMs ---

// All SMs together. Kernels of which only the loads were left reached 8200 GB/s without multicast,
// and 85 GB/s into one SM with it (scripts/gpu-ablate, "loads alone"); fitted beside the rest.
inline constexpr double kL2Gbps = 11200;
// One SM takes at most this many bytes a clock, multicast or not.
inline constexpr double kSmBytesPerClock = 55;
// From issuing a load to its stage being full, cold.
inline constexpr double kLoadLatencyUs = 1.0;

// --- Math ---

inline constexpr double kTensorFlopPerClock = 8192;  // of one SM, e4m3
// Of one m64nNk32: reading A's 64 x 32 bytes and the issue itself do not shrink with N.
inline constexpr double kWgmmaFloorClocks = 21;
// Waiting for a stage, starting wgmma, waiting for its result: what one warpgroup adds to a k-block
// when nothing overlaps.
inline constexpr double kSlabLatencyClocks = 44;
// The same where the next multiplication was started before: only the hand-over is left.
inline constexpr double kOverlappedSlabClocks = 122;
// Promoting one register of each thread: a clock to issue, and the tensor core's accumulators
// compete for the register file.
inline constexpr double kPromotionClocks = 1.7;
// Scales of a segment beyond the first: to multiply, and to hand round. Counted, not fitted.
inline constexpr double kSegmentClocks = 8;
// Each further block that must release a stage, on the way to its refill.
inline constexpr double kPeerClocks = 9.4;

// --- End of a tile ---

// Draining the last multiplication, conversion and the hand-over to TMA.
inline constexpr double kEpilogueClocks = 716;
inline constexpr double kEpilogueBytesPerClock = 100;
// Each time that a store waits for the one before it to make room.
inline constexpr double kStoreTurnClocks = 155;
// Blocks that split k send each other their sums through distributed shared memory: the way there
// and back, and what one SM sends a clock.
inline constexpr double kSliceMeetingClocks = 400;
inline constexpr double kSliceBytesPerClock = 8.6;
// The last store reaching memory before the kernel counts as done.
inline constexpr double kLastStoreUs = 0.3;

// --- How limits add up ---

// Two limits that are about equal cost more than either: (a^p + b^p)^(1/p).
inline constexpr double kBlockSharpness = 5.24;   // within a k-block, where barriers pace all parts
inline constexpr double kKernelSharpness = 3.17;  // over the kernel, where phases drift apart

// Share of the SMs that clusters of 0, 1, 2 … 8 blocks can cover at once: some GPCs have 16 SMs,
// some 18, and a cluster lies in one (cuOccupancyMaxActiveClusters on an h100-sxm5).
inline constexpr double kCoveredByClusters[] = {1, 1, 1, 0.886, 0.909, 0.77, 0.773, 0.74, 0.909};

}  // namespace deepgemm::autotune::cost
