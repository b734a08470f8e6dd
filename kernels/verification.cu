// Kernels that make operands, compute references and judge results. Plain code on purpose: it
// shares nothing with the kernels that it judges.
#include "kernels/ptx.cuh"

namespace {

using deepgemm::kernels::uint32;
using deepgemm::kernels::uint64;

// SplitMix64 (Steele, Lea, Flood 2014) of a counter: the same numbers on every GPU.
__device__ uint64 random_bits(uint64 seed, uint64 index) {
  uint64 z = (seed + index + 1) * 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

// e4m3 without infinities: exponent bias 7, subnormals, 0x7f and 0xff are NaN (never generated).
__device__ float decode_e4m3(unsigned char bits) {
  const int exponent = bits >> 3 & 15;
  const int mantissa = bits & 7;
  const float magnitude =
      exponent == 0 ? mantissa * 0x1p-9f : __int_as_float((exponent + 120) << 23 | mantissa << 20);
  return bits & 0x80 ? -magnitude : magnitude;
}

__device__ float decode_bf16(unsigned short bits) {
  return __int_as_float(static_cast<int>(bits) << 16);
}

__device__ uint64 first_index() { return 1ull * blockIdx.x * blockDim.x + threadIdx.x; }
__device__ uint64 index_step() { return 1ull * gridDim.x * blockDim.x; }

// Adds up over the block; thread 0 has the sum. 256 threads.
template <typename T>
__device__ T block_sum(T value) {
  __shared__ T partial[8];
  for (int offset = 16; offset > 0; offset /= 2) {
    value += __shfl_down_sync(0xffffffffu, value, offset);
  }
  __syncthreads();
  if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = value;
  __syncthreads();
  T sum = 0;
  for (int i = 0; i < 8; ++i) sum += partial[i];
  return sum;
}

__device__ float block_max(float value) {
  __shared__ float partial[8];
  for (int offset = 16; offset > 0; offset /= 2) {
    value = fmaxf(value, __shfl_down_sync(0xffffffffu, value, offset));
  }
  __syncthreads();
  if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = value;
  __syncthreads();
  for (int i = 0; i < 8; ++i) value = fmaxf(value, partial[i]);
  return value;
}

}  // namespace

extern "C" {

__global__ void deepgemm_empty() {}

// Bell-shaped e4m3 as quantised activations and weights are: the sum of four uniform numbers,
// standard deviation 128, saturating at 448.
__global__ void deepgemm_fill_e4m3(unsigned char* out, uint64 count, uint64 seed) {
  for (uint64 i = first_index(); i < count; i += index_step()) {
    const uint64 bits = random_bits(seed, i);
    float sum = 0;
    for (int j = 0; j < 4; ++j) sum += static_cast<float>(bits >> 16 * j & 0xffff) - 32767.5f;
    // Each term has a standard deviation of 65536 / sqrt(12).
    out[i] = deepgemm::kernels::ptx::to_e4m3(sum * (128.0f * 1.7320508f / 65536.0f));
  }
}

// Scales over six powers of two, none of them round: a wrong index changes the result.
__global__ void deepgemm_fill_scales(float* out, uint64 count, uint64 seed) {
  for (uint64 i = first_index(); i < count; i += index_step()) {
    const uint64 bits = random_bits(seed, i);
    const float mantissa = 1.0f + static_cast<float>(bits & 0xffff) / 65536.0f;
    out[i] = ldexpf(mantissa, static_cast<int>(bits >> 32 & 0xffff) % 6 - 10);
  }
}

// D = A * B^T in fp32, 16 x 16 outputs per block of 256 threads; one block per tile of D, tiles
// numbered along n first. Each 128 of k is summed before it is scaled, as the product is defined.
__global__ void deepgemm_reference(const unsigned char* a, const unsigned char* b,
                                   const float* scale_a, const float* scale_b, unsigned short* d,
                                   int m, int n, int k, int scale_a_stride) {
  __shared__ float tile_a[16][17];
  __shared__ float tile_b[16][17];
  const int tiles_n = (n + 15) / 16;
  const int k_blocks = (k + 127) / 128;
  const int x = threadIdx.x % 16;
  const int y = threadIdx.x / 16;
  const int row = blockIdx.x / tiles_n * 16 + y;
  const int column = blockIdx.x % tiles_n * 16 + x;
  const int row_b = blockIdx.x % tiles_n * 16 + y;
  float sum = 0;
  for (int kb = 0; kb < k_blocks; ++kb) {
    float partial = 0;
    for (int k0 = kb * 128; k0 < min(kb * 128 + 128, k); k0 += 16) {
      tile_a[y][x] = row < m ? decode_e4m3(a[1ll * row * k + k0 + x]) : 0.0f;
      tile_b[y][x] = row_b < n ? decode_e4m3(b[1ll * row_b * k + k0 + x]) : 0.0f;
      __syncthreads();
      for (int i = 0; i < 16; ++i) partial += tile_a[y][i] * tile_b[x][i];
      __syncthreads();
    }
    if (row < m && column < n) {
      sum += partial * (scale_a[1ll * kb * scale_a_stride + row] *
                        scale_b[1ll * (column / 128) * k_blocks + kb]);
    }
  }
  if (row < m && column < n) {
    d[1ll * row * n + column] =
        static_cast<unsigned short>(deepgemm::kernels::ptx::pack_bf16(sum, 0.0f));
  }
}

// Rows of D in float64: out[i, column] for row rows[i]. One thread per column.
__global__ void deepgemm_exact_rows(const unsigned char* a, const unsigned char* b,
                                    const float* scale_a, const float* scale_b, const int* rows,
                                    int row_count, double* out, int n, int k, int scale_a_stride) {
  const int k_blocks = (k + 127) / 128;
  for (uint64 item = first_index(); item < 1ull * row_count * n; item += index_step()) {
    const int row = rows[item / n];
    const int column = static_cast<int>(item % n);
    double sum = 0;
    for (int kb = 0; kb < k_blocks; ++kb) {
      double partial = 0;
      for (int i = kb * 128; i < min(kb * 128 + 128, k); ++i) {
        // A product of two e4m3 is exact in fp32.
        partial += decode_e4m3(a[1ll * row * k + i]) * decode_e4m3(b[1ll * column * k + i]);
      }
      sum += partial * scale_a[1ll * kb * scale_a_stride + row] *
             scale_b[1ll * (column / 128) * k_blocks + kb];
    }
    out[item] = sum;
  }
}

// What deepgemm_compare adds up; the host zeroes it.
struct Comparison {
  double squared_difference;
  double squared_reference;
  float max_error;  // of |d - ref| / (|ref| + reference_rms); NaN counts as infinity
  uint32 unused;
  uint64 unwritten;  // elements that hold the poison, 0xffff
  uint64 bits_hash;  // independent of the order of summation
};

// Compares bf16 D with a bf16 reference element by element. 256 threads per block.
__global__ void deepgemm_compare(const unsigned short* d, const unsigned short* reference,
                                 uint64 count, float reference_rms, Comparison* result) {
  double difference = 0;
  double magnitude = 0;
  float worst = 0;
  uint64 unwritten = 0;
  uint64 hash = 0;
  for (uint64 i = first_index(); i < count; i += index_step()) {
    const float value = decode_bf16(d[i]);
    const float expected = decode_bf16(reference[i]);
    const float delta = fabsf(value - expected);
    difference += 1.0 * delta * delta;
    magnitude += 1.0 * expected * expected;
    const float error = delta / (fabsf(expected) + reference_rms);
    worst = error <= 3.0e38f ? fmaxf(worst, error) : __int_as_float(0x7f800000);
    unwritten += d[i] == 0xffff;
    hash += random_bits(d[i], i);
  }
  difference = block_sum(difference);
  magnitude = block_sum(magnitude);
  worst = block_max(worst);
  unwritten = block_sum(unwritten);
  hash = block_sum(hash);
  if (threadIdx.x == 0) {
    atomicAdd(&result->squared_difference, difference);
    atomicAdd(&result->squared_reference, magnitude);
    // Non-negative floats order as their bits do.
    atomicMax(reinterpret_cast<int*>(&result->max_error), __float_as_int(worst));
    atomicAdd(&result->unwritten, unwritten);
    atomicAdd(&result->bits_hash, hash);
  }
}

// Adds the squared error of sampled rows of D against float64, and their squared magnitude.
__global__ void deepgemm_compare_rows(const unsigned short* d, const double* exact, const int* rows,
                                      int row_count, int n, double* result) {
  double difference = 0;
  double magnitude = 0;
  for (uint64 item = first_index(); item < 1ull * row_count * n; item += index_step()) {
    const double value = decode_bf16(d[1ll * rows[item / n] * n + item % n]);
    difference += (value - exact[item]) * (value - exact[item]);
    magnitude += exact[item] * exact[item];
  }
  difference = block_sum(difference);
  magnitude = block_sum(magnitude);
  if (threadIdx.x == 0) {
    atomicAdd(result, difference);
    atomicAdd(result + 1, magnitude);
  }
}

// Counts the bytes that are not `value`.
__global__ void deepgemm_count_changed(const unsigned char* bytes, uint64 count, int value,
                                       uint64* result) {
  uint64 changed = 0;
  for (uint64 i = first_index(); i < count; i += index_step()) changed += bytes[i] != value;
  changed = block_sum(changed);
  if (threadIdx.x == 0) atomicAdd(result, changed);
}

}  // extern "C"
