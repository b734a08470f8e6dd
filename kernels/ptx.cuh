// Verbs over the PTX that the kernels need: all of the project's inline assembly but the wgmma of a
// given width, which wgmma.cpp writes, and two statements that only keep the compiler from moving
// things (`asm volatile("" …)`).
//
// Source of all semantics: NVIDIA's PTX ISA 8.x, sections on mbarrier, cp.async.bulk.tensor,
// wgmma, stmatrix, setmaxnreg, barrier.cluster and griddepcontrol.
#pragma once

namespace deepgemm::kernels {

using uint32 = unsigned int;
using uint64 = unsigned long long;
static_assert(sizeof(uint32) == 4 && sizeof(uint64) == 8);

// The driver's CUtensorMap, opaque here.
struct alignas(64) TensorMap {
  uint64 opaque[16];
};

namespace ptx {

__device__ __forceinline__ uint32 shared_address(const void* pointer) {
  return static_cast<uint32>(__cvta_generic_to_shared(pointer));
}

// Brings a line of global memory close, for a load to come.
__device__ __forceinline__ void prefetch(const void* pointer) {
  asm volatile("prefetch.global.L1 [%0];" ::"l"(pointer));
}

// Where the host let this launch overlap the kernel before it in the stream: waits until that one
// has ended and all that it wrote can be read. Else it returns at once.
__device__ __forceinline__ void wait_for_kernel_before() {
  asm volatile("griddepcontrol.wait;" ::: "memory");
}

// When every block has called it, blocks of the next kernel may start, if the host let them.
__device__ __forceinline__ void let_next_kernel_start() {
  asm volatile("griddepcontrol.launch_dependents;");
}

__device__ __forceinline__ uint32 cluster_rank() {
  uint32 rank;
  asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  return rank;
}

// True in one lane of a converged warp.
__device__ __forceinline__ bool elect_one() {
  uint32 elected;
  asm volatile("{ .reg .pred p; elect.sync _|p, 0xffffffff; selp.b32 %0, 1, 0, p; }"
               : "=r"(elected));
  return elected != 0;
}

// Every thread of every block of the cluster arrives, and later waits for the others: a meeting,
// nothing more. Barriers become visible to the cluster by fence_barrier_init. Arriving with release
// semantics, the default, would wait for all memory traffic of the block (in machine code a fence
// of the whole GPU).
// Lanes of a warp need not stay together.
__device__ __forceinline__ void cluster_arrive() {
  asm volatile("barrier.cluster.arrive.relaxed;" ::: "memory");
}

__device__ __forceinline__ void cluster_wait() {
  asm volatile("barrier.cluster.wait.acquire;" ::: "memory");
}

// Barrier of `threads` threads of this block under a name from 1 to 15 (0 is __syncthreads).
__device__ __forceinline__ void named_barrier_sync(int name, int threads) {
  asm volatile("bar.sync %0, %1;" ::"r"(name), "r"(threads) : "memory");
}

// Counts as one of those threads without waiting: what this warp wrote is visible to the threads
// that pass named_barrier_sync.
__device__ __forceinline__ void named_barrier_arrive(int name, int threads) {
  asm volatile("bar.arrive %0, %1;" ::"r"(name), "r"(threads) : "memory");
}

template <int kRegisters>
__device__ __forceinline__ void release_registers() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(kRegisters));
}

template <int kRegisters>
__device__ __forceinline__ void claim_registers() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(kRegisters));
}

// --- Transaction barriers in shared memory ---------------------------------------------------

__device__ __forceinline__ void barrier_init(uint64* barrier, int arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(barrier)),
               "r"(arrivals));
}

// Makes initialised barriers visible to the cluster and to what completes on them.
__device__ __forceinline__ void fence_barrier_init() {
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}

__device__ __forceinline__ void barrier_arrive_expect_bytes(uint64* barrier, int bytes) {
  asm volatile(
      "mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(barrier)),
      "r"(bytes)
      : "memory");
}

__device__ __forceinline__ void barrier_arrive(uint32 address) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(address) : "memory");
}

// Arrives on a barrier of any block of the cluster; its address from address_in_cluster.
// Default scope on purpose: it says "I have read", no write travels with it, and a release at
// cluster scope makes every arrival wait for all memory traffic of the warp (measured: 2-4x slower
// kernels).
__device__ __forceinline__ void barrier_arrive_in_cluster(uint32 address) {
  asm volatile("mbarrier.arrive.shared::cluster.b64 _, [%0];" ::"r"(address) : "memory");
}

// Waits until the phase with this parity has completed.
__device__ __forceinline__ void barrier_wait(uint64* barrier, uint32 parity) {
  asm volatile(
      "{ .reg .pred done;\n"
      "wait_again:\n"
      "mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
      "@done bra finished;\n"
      "bra wait_again;\n"
      "finished: }" ::"r"(shared_address(barrier)),
      "r"(parity)
      : "memory");
}

// Whether the phase with this parity has completed; does not wait.
__device__ __forceinline__ bool barrier_test(uint64* barrier, uint32 parity) {
  uint32 done;
  asm volatile(
      "{ .reg .pred done;\n"
      "mbarrier.test_wait.parity.shared::cta.b64 done, [%1], %2;\n"
      "selp.b32 %0, 1, 0, done; }"
      : "=r"(done)
      : "r"(shared_address(barrier)), "r"(parity)
      : "memory");
  return done != 0;
}

// Publishes what this thread (and, after __syncwarp, its warp) wrote to shared memory to the block
// `rank` that waits on the barrier with barrier_wait_published.
__device__ __forceinline__ void barrier_publish_in_cluster(uint64* barrier, uint32 rank) {
  asm volatile(
      "{ .reg .b32 remote;\n"
      "mapa.shared::cluster.u32 remote, %0, %1;\n"
      "mbarrier.arrive.release.cluster.shared::cluster.b64 _, [remote]; }" ::"r"(
          shared_address(barrier)),
      "r"(rank)
      : "memory");
}

__device__ __forceinline__ void barrier_wait_published(uint64* barrier, uint32 parity) {
  asm volatile(
      "{ .reg .pred done;\n"
      "wait_again:\n"
      "mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 done, [%0], %1;\n"
      "@done bra finished;\n"
      "bra wait_again;\n"
      "finished: }" ::"r"(shared_address(barrier)),
      "r"(parity)
      : "memory");
}

// Address of the same place in the shared memory of block `rank` of the cluster.
__device__ __forceinline__ uint32 address_in_cluster(const void* pointer, uint32 rank) {
  uint32 address;
  asm volatile("mapa.shared::cluster.u32 %0, %1, %2;"
               : "=r"(address)
               : "r"(shared_address(pointer)), "r"(rank));
  return address;
}

// Writes 16 bytes to shared memory of the cluster, on their own time: they complete on the
// transaction barrier, which lies in the same block. Addresses from address_in_cluster. Read after
// barrier_wait_published.
__device__ __forceinline__ void store_async(uint32 address, uint32 barrier, float v0, float v1,
                                            float v2, float v3) {
  asm volatile(
      "st.async.weak.shared::cluster.mbarrier::complete_tx::bytes.v4.f32 [%0], {%2, %3, %4, %5}, "
      "[%1];" ::"r"(address),
      "r"(barrier), "f"(v0), "f"(v1), "f"(v2), "f"(v3)
      : "memory");
}

// --- TMA --------------------------------------------------------------------------------------

__device__ __forceinline__ void prefetch_tensor_map(const TensorMap* map) {
  asm volatile("prefetch.tensormap [%0];" ::"l"(map) : "memory");
}

// How soon the lines of a load leave L2: the policies that createpolicy.fractional makes for all of
// an access.
inline constexpr uint64 kEvictNormal = 0x1000000000000000;
inline constexpr uint64 kEvictFirst = 0x12f0000000000000;

// Box at (x, y), x the contiguous dimension, into this block's shared memory.
__device__ __forceinline__ void tma_load(void* destination, const TensorMap* map, uint64* barrier,
                                         int x, int y, uint64 policy = kEvictNormal) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes"
      ".L2::cache_hint [%0], [%1, {%2, %3}], [%4], %5;" ::"r"(shared_address(destination)),
      "l"(map), "r"(x), "r"(y), "r"(shared_address(barrier)), "l"(policy)
      : "memory");
}

// The same box into the same place of every block of the cluster whose bit is set in `blocks`;
// it completes on the barrier at the same place of each.
__device__ __forceinline__ void tma_load_multicast(void* destination, const TensorMap* map,
                                                   uint64* barrier, int x, int y,
                                                   unsigned short blocks, uint64 policy) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes"
      ".multicast::cluster.L2::cache_hint [%0], [%1, {%2, %3}], [%4], %5, %6;" ::"r"(
          shared_address(destination)),
      "l"(map), "r"(x), "r"(y), "r"(shared_address(barrier)), "h"(blocks), "l"(policy)
      : "memory");
}

// `bytes` in a row, a multiple of 16, as are both addresses.
__device__ __forceinline__ void bulk_load(void* destination, const void* source, uint64* barrier,
                                          int bytes) {
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::
          "r"(shared_address(destination)),
      "l"(source), "r"(bytes), "r"(shared_address(barrier))
      : "memory");
}

__device__ __forceinline__ void bulk_store(void* destination, const void* source, int bytes) {
  asm volatile("cp.async.bulk.global.shared::cta.bulk_group [%0], [%1], %2;" ::"l"(destination),
               "r"(shared_address(source)), "r"(bytes)
               : "memory");
}

__device__ __forceinline__ void tma_store(const TensorMap* map, const void* source, int x, int y) {
  asm volatile(
      "cp.async.bulk.tensor.2d.global.shared::cta.tile.bulk_group [%0, {%2, %3}], [%1];" ::"l"(map),
      "r"(shared_address(source)), "r"(x), "r"(y)
      : "memory");
}

__device__ __forceinline__ void tma_store_commit() {
  asm volatile("cp.async.bulk.commit_group;" ::: "memory");
}

// Waits until the shared memory of all committed stores but the last kPending has been read and
// may be written again.
template <int kPending>
__device__ __forceinline__ void tma_store_wait_read() {
  asm volatile("cp.async.bulk.wait_group.read %0;" ::"n"(kPending) : "memory");
}

// Orders this thread's ordinary stores to shared memory before later TMA or wgmma reads of it.
__device__ __forceinline__ void fence_shared_for_async() {
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

// --- Tensor cores -----------------------------------------------------------------------------

// Descriptor of a K-major operand in 128-byte swizzle: rows of 128 bytes, groups of 8 rows 1024
// bytes apart. The upper word is the same for all; the lower one holds the place, in units of 16
// bytes: add to it to move along.
inline constexpr int kWgmmaDescriptorHigh = 1 << 30 | 1024 >> 4;

// Lower word for the operand whose first row lies at `shared`, a multiple of 1024.
__device__ __forceinline__ uint32 wgmma_descriptor(uint32 shared) {
  constexpr uint32 kUnusedLeadingStride = 1u << 16;
  return kUnusedLeadingStride + (shared >> 4);
}

// Orders register writes by this warpgroup before the next wgmma.
__device__ __forceinline__ void wgmma_fence() {
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}

__device__ __forceinline__ void wgmma_commit() {
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}

// Waits until at most kPending committed groups are still running.
template <int kPending>
__device__ __forceinline__ void wgmma_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kPending) : "memory");
}

// Pins an accumulator between the instructions around it. The compiler takes the result of a
// wgmma for ready as soon as it is issued; without this it may move arithmetic on it before the
// wait, and ptxas then serialises every wgmma.
template <int kCount>
__device__ __forceinline__ void pin_registers(float (&accumulator)[kCount]) {
#pragma unroll
  for (int i = 0; i < kCount; ++i) asm volatile("" : "+f"(accumulator[i])::"memory");
}

// --- Epilogue ---------------------------------------------------------------------------------

// Two fp32 to packed bf16, round to nearest even; `low` lands in the lower half.
__device__ __forceinline__ uint32 pack_bf16(float low, float high) {
  uint32 packed;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
  return packed;
}

// fp32 to e4m3, round to nearest even, saturating at 448.
__device__ __forceinline__ unsigned char to_e4m3(float value) {
  unsigned short packed;
  asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;" : "=h"(packed) : "f"(0.0f), "f"(value));
  return static_cast<unsigned char>(packed);
}

// Stores 8x8 matrices of 16-bit values; lane 8i + r holds the shared address of row r of matrix i.
__device__ __forceinline__ void stmatrix_x4(uint32 address, uint32 r0, uint32 r1, uint32 r2,
                                            uint32 r3) {
  asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(address),
               "r"(r0), "r"(r1), "r"(r2), "r"(r3)
               : "memory");
}

__device__ __forceinline__ void stmatrix_x2(uint32 address, uint32 r0, uint32 r1) {
  asm volatile("stmatrix.sync.aligned.m8n8.x2.shared.b16 [%0], {%1, %2};" ::"r"(address), "r"(r0),
               "r"(r1)
               : "memory");
}

}  // namespace ptx
}  // namespace deepgemm::kernels
