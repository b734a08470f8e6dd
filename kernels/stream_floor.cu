// What the memory system asks of any kernel: the bytes of a problem's operands in, the bytes of its
// result out, nothing computed. Its time is the floor under every kernel for that problem.
#include "kernels/ptx.cuh"
#include "kernels/stream_floor.h"

namespace deepgemm::kernels {

// Calls `move(offset, bytes)` for this block's share of `total` bytes: every gridDim.x-th chunk.
template <int kChunk, typename Move>
__device__ void for_each_chunk(long long total, const Move& move) {
  for (long long at = 1LL * blockIdx.x * kChunk; at < total; at += 1LL * gridDim.x * kChunk) {
    const long long rest = total - at;
    move(at, static_cast<int>(rest < kChunk ? rest : kChunk));
  }
}

__device__ void read_all(FloorStorage& shared, const unsigned char* source, long long total) {
  for (int i = 0; i < kFloorReads; ++i) ptx::barrier_init(&shared.arrived[i], 1);
  ptx::fence_barrier_init();
  int started = 0;
  const auto wait_for = [&](int read) {
    ptx::barrier_wait(&shared.arrived[read % kFloorReads], read / kFloorReads & 1);
  };
  for_each_chunk<kFloorReadBytes>(total, [&](long long at, int bytes) {
    if (started >= kFloorReads) wait_for(started - kFloorReads);
    const int place = started % kFloorReads;
    ptx::barrier_arrive_expect_bytes(&shared.arrived[place], bytes);
    ptx::bulk_load(shared.reads[place], source + at, &shared.arrived[place], bytes);
    ++started;
  });
  const int first_pending = started > kFloorReads ? started - kFloorReads : 0;
  for (int read = first_pending; read < started; ++read) wait_for(read);
}

__device__ void write_all(const FloorStorage& shared, unsigned char* target, long long total) {
  for_each_chunk<kFloorWriteBytes>(total, [&](long long at, int bytes) {
    ptx::bulk_store(target + at, shared.write, bytes);
    ptx::tma_store_commit();
    ptx::tma_store_wait_read<1>();
  });
  ptx::tma_store_wait_read<0>();
}

// Reads `read_bytes` at `source` and writes `written_bytes` at `target`, both at once; what it
// writes has no meaning. Pointers and counts are multiples of 16. One block for each SM,
// kFloorThreads threads, sizeof(FloorStorage) bytes of dynamic shared memory.
extern "C" __global__ void __launch_bounds__(kFloorThreads, 1)
    deepgemm_stream_floor(const unsigned char* source, long long read_bytes, unsigned char* target,
                          long long written_bytes) {
  extern __shared__ __align__(128) unsigned char storage[];
  FloorStorage& shared = *reinterpret_cast<FloorStorage*>(storage);
  if (threadIdx.x == 0) read_all(shared, source, read_bytes);
  if (threadIdx.x == 32) write_all(shared, target, written_bytes);
}

}  // namespace deepgemm::kernels
