// What serving from a bundle costs the host, as scripts/gpu-runtime measures it; libdeepgemm and
// the driver, nothing else. NVRTC, cuBLASLt and CUPTI are out of reach: this program's own dlopen,
// which stands before the C library's, refuses them and counts who asks.
//
//   serving_cost BUNDLE MxNxK
//
// A and B hold ones, so every element of D must be k; in the graph's replay A holds twos. Prints
// one "name value" a line. Exit codes: 0 all numbers are right, 1 some are not or a call failed,
// 2 usage, 3 no GPU.
#include <cuda.h>
#include <dlfcn.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "deepgemm/deepgemm.h"

namespace {

std::atomic<int> refused = 0;

using Dlopen = void* (*)(const char*, int);

}  // namespace

extern "C" __attribute__((visibility("default"))) void* dlopen(const char* name, int flags) {
  for (const char* kept_out : {"nvrtc", "cublas", "cupti"}) {
    if (name != nullptr && std::strstr(name, kept_out) != nullptr) {
      ++refused;
      return nullptr;
    }
  }
  return reinterpret_cast<Dlopen>(dlsym(RTLD_NEXT, "dlopen"))(name, flags);
}

namespace {

[[noreturn]] void fail(int code, const std::string& what) {
  std::fprintf(stderr, "serving_cost: %s\n", what.c_str());
  std::exit(code);
}

void require(deepgemm_status status) {
  if (status != DEEPGEMM_OK) fail(status == DEEPGEMM_NO_DEVICE ? 3 : 1, deepgemm_last_error());
}

void require(CUresult result, const char* action) {
  if (result == CUDA_SUCCESS) return;
  fail(1, std::string(action) + " failed with CUDA error " + std::to_string(result) +
              ". Check the GPU with nvidia-smi.");
}

// The driver's functions that this program calls itself; cuda.h renames some by macro.
#define DRIVER_FUNCTIONS(X)        \
  X(cuInit)                        \
  X(cuDevicePrimaryCtxRetain)      \
  X(cuCtxSetCurrent)               \
  X(cuCtxSynchronize)              \
  X(cuMemAlloc)                    \
  X(cuMemsetD8)                    \
  X(cuMemsetD32)                   \
  X(cuMemcpyDtoH)                  \
  X(cuStreamCreate)                \
  X(cuStreamSynchronize)           \
  X(cuStreamBeginCapture)          \
  X(cuStreamEndCapture)            \
  X(cuGraphInstantiate)            \
  X(cuGraphLaunch)                 \
  X(cuGraphGetNodes)               \
  X(cuGraphKernelNodeGetParams)    \
  X(cuGraphKernelNodeGetAttribute) \
  X(cuLaunchKernelEx)              \
  X(cuTensorMapEncodeTiled)
#define QUOTE(text) #text
#define SYMBOL(name) QUOTE(name)

struct Driver {
#define MEMBER(name) decltype(&::name) name = nullptr;
  DRIVER_FUNCTIONS(MEMBER)
#undef MEMBER

  Driver() {
    void* const library = dlopen("libcuda.so.1", RTLD_NOW);
    if (library == nullptr) fail(3, "libcuda.so.1 is missing. Run where a Hopper GPU is.");
#define BIND(name) name = reinterpret_cast<decltype(name)>(find(library, SYMBOL(name)));
    DRIVER_FUNCTIONS(BIND)
#undef BIND
  }

  void* buffer(std::size_t bytes) const {
    CUdeviceptr address = 0;
    require(cuMemAlloc(&address, bytes), "allocating GPU memory");
    return reinterpret_cast<void*>(address);
  }

 private:
  static void* find(void* library, const char* name) {
    void* const found = dlsym(library, name);
    if (found == nullptr) fail(3, std::string("the driver lacks ") + name + ". Update it.");
    return found;
  }
};

using Clock = std::chrono::steady_clock;

double microseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

struct Product {
  deepgemm_problem problem;
  deepgemm_operands operands;
};

Product ones(const Driver& driver, const deepgemm_problem& p) {
  const auto size = [](std::int64_t count) { return static_cast<std::size_t>(count); };
  const auto e4m3 = [&](std::size_t count) {
    void* const data = driver.buffer(count);
    require(driver.cuMemsetD8(reinterpret_cast<CUdeviceptr>(data), 0x38, count), "filling");
    return data;
  };
  const auto scales = [&](std::size_t count) {
    void* const data = driver.buffer(4 * count);
    require(driver.cuMemsetD32(reinterpret_cast<CUdeviceptr>(data), 0x3f800000, count), "filling");
    return static_cast<float*>(data);
  };
  const std::int64_t k_blocks = (p.k + 127) / 128;
  return {
      p,
      {e4m3(size(p.m * p.k)), e4m3(size(p.n * p.k)), scales(size(k_blocks * ((p.m + 3) / 4 * 4))),
       scales(size((p.n + 127) / 128 * k_blocks)), driver.buffer(size(2 * p.m * p.n))}};
}

// Whether all of D is `expected`, to the rounding of bf16.
bool is_all(const Driver& driver, const Product& product, double expected) {
  std::vector<std::uint16_t> d(static_cast<std::size_t>(product.problem.m * product.problem.n));
  require(driver.cuMemcpyDtoH(d.data(), reinterpret_cast<CUdeviceptr>(product.operands.d),
                              2 * d.size()),
          "reading the result");
  return std::all_of(d.begin(), d.end(), [expected](std::uint16_t bits) {
    const std::uint32_t wide = static_cast<std::uint32_t>(bits) << 16;
    float value = 0;
    std::memcpy(&value, &wide, sizeof value);
    return std::abs(value - expected) <= expected / 128;
  });
}

void enqueue(deepgemm_runtime* runtime, const Product& product, CUstream stream) {
  require(deepgemm_gemm(runtime, &product.problem, &product.operands, DEEPGEMM_MISS_ERROR, stream));
}

// The kernel as the library launches it, read back from a captured graph.
struct BareLaunch {
  CUDA_KERNEL_NODE_PARAMS parameters{};
  CUlaunchAttribute cluster{};
  CUlaunchConfig config{};
};

void read_back(const Driver& driver, CUgraph graph, CUstream stream, BareLaunch& launch) {
  CUgraphNode node = nullptr;
  std::size_t nodes = 1;
  require(driver.cuGraphGetNodes(graph, &node, &nodes), "reading the graph");
  require(driver.cuGraphKernelNodeGetParams(node, &launch.parameters), "reading the kernel");
  launch.cluster.id = CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION;
  require(driver.cuGraphKernelNodeGetAttribute(node, CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION,
                                               &launch.cluster.value),
          "reading the cluster");
  const CUDA_KERNEL_NODE_PARAMS& p = launch.parameters;
  launch.config.gridDimX = p.gridDimX;
  launch.config.gridDimY = p.gridDimY;
  launch.config.gridDimZ = p.gridDimZ;
  launch.config.blockDimX = p.blockDimX;
  launch.config.blockDimY = p.blockDimY;
  launch.config.blockDimZ = p.blockDimZ;
  launch.config.sharedMemBytes = p.sharedMemBytes;
  launch.config.hStream = stream;
  launch.config.attrs = &launch.cluster;
  launch.config.numAttrs = 1;
}

constexpr int kBatch = 100;  // far fewer launches than the driver queues before it blocks
constexpr int kBatches = 101;

// Host time of one call, the median over batches of the two in turn.
struct HostCost {
  double first_us;
  double second_us;
};

HostCost compare(const std::function<void()>& first, const std::function<void()>& second,
                 const std::function<void()>& settle) {
  std::vector<double> times[2];
  for (int batch = 0; batch < 2 * kBatches; ++batch) {
    const auto& call = batch % 2 == 0 ? first : second;
    settle();
    const Clock::time_point start = Clock::now();
    for (int i = 0; i < kBatch; ++i) call();
    times[batch % 2].push_back(microseconds_since(start) / kBatch);
  }
  settle();
  for (auto& list : times) std::nth_element(list.begin(), list.begin() + kBatches / 2, list.end());
  return {times[0][kBatches / 2], times[1][kBatches / 2]};
}

// What one tensor map costs: the library writes four or more a call.
double encode_us(const Driver& driver, const Product& product) {
  const cuuint64_t extent[] = {static_cast<cuuint64_t>(product.problem.k),
                               static_cast<cuuint64_t>(product.problem.n)};
  const cuuint64_t pitch[] = {extent[0]};
  const cuuint32_t box[] = {128, 64};
  const cuuint32_t step[] = {1, 1};
  CUtensorMap map;
  constexpr int kCalls = 10000;
  const Clock::time_point start = Clock::now();
  for (int i = 0; i < kCalls; ++i) {
    require(driver.cuTensorMapEncodeTiled(
                &map, CU_TENSOR_MAP_DATA_TYPE_UINT8, 2, const_cast<void*>(product.operands.b),
                extent, pitch, box, step, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE),
            "encoding a tensor map");
  }
  return microseconds_since(start) / kCalls;
}

// Captures one product, replays it on other contents of A, and compares the host's costs.
bool replay_and_compare(const Driver& driver, deepgemm_runtime* runtime, const Product& product) {
  CUstream stream = nullptr;
  require(driver.cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING), "creating a stream");
  CUgraph graph = nullptr;
  CUgraphExec replay = nullptr;
  require(driver.cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_GLOBAL), "capturing");
  enqueue(runtime, product, stream);
  require(driver.cuStreamEndCapture(stream, &graph), "capturing");
  require(driver.cuGraphInstantiate(&replay, graph, 0), "instantiating the graph");
  // 2.0 in e4m3: what the replay gives was not there before.
  const auto a = reinterpret_cast<CUdeviceptr>(product.operands.a);
  const auto bytes = static_cast<std::size_t>(product.problem.m * product.problem.k);
  bool right = true;
  for (const auto& [bits, factor] : {std::pair<unsigned char, int>{0x40, 2}, {0x38, 1}}) {
    require(driver.cuMemsetD8(a, bits, bytes), "filling");
    require(driver.cuCtxSynchronize(), "filling");
    require(driver.cuGraphLaunch(replay, stream), "replaying the graph");
    require(driver.cuStreamSynchronize(stream), "replaying the graph");
    right = right && is_all(driver, product, factor * static_cast<double>(product.problem.k));
  }
  std::printf("graph_replay_right %d\n", right ? 1 : 0);

  BareLaunch bare;
  read_back(driver, graph, stream, bare);
  const HostCost cost =
      compare([&] { enqueue(runtime, product, stream); },
              [&] {
                require(driver.cuLaunchKernelEx(&bare.config, bare.parameters.func,
                                                bare.parameters.kernelParams, nullptr),
                        "launching the kernel");
              },
              [&] { require(driver.cuStreamSynchronize(stream), "waiting"); });
  std::printf("gemm_us %.3f\nbare_launch_us %.3f\nover_bare_us %.3f\n", cost.first_us,
              cost.second_us, cost.first_us - cost.second_us);
  return right && is_all(driver, product, static_cast<double>(product.problem.k));
}

// GPU time of one product in a captured chain of them, launched in turn and overlapped: that of a
// long chain less that of a short one, both ways by turns.
bool compare_chains(const Driver& driver, deepgemm_runtime* runtime, const Product& product) {
  constexpr int kProducts[] = {10, 110};
  constexpr int kReplays = 31;
  const decltype(&deepgemm_gemm) ways[] = {deepgemm_gemm, deepgemm_gemm_overlapped};
  CUstream stream = nullptr;
  require(driver.cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING), "creating a stream");
  CUgraphExec chains[2][2] = {};
  for (int which = 0; which < 4; ++which) {
    CUgraph graph = nullptr;
    require(driver.cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_GLOBAL), "capturing");
    for (int i = 0; i < kProducts[which % 2]; ++i) {
      require(ways[which / 2](runtime, &product.problem, &product.operands, DEEPGEMM_MISS_ERROR,
                              stream));
    }
    require(driver.cuStreamEndCapture(stream, &graph), "capturing");
    require(driver.cuGraphInstantiate(&chains[which / 2][which % 2], graph, 0), "instantiating");
  }
  const auto replay_us = [&](CUgraphExec chain) {
    const Clock::time_point start = Clock::now();
    require(driver.cuGraphLaunch(chain, stream), "replaying a chain");
    require(driver.cuStreamSynchronize(stream), "replaying a chain");
    return microseconds_since(start);
  };
  std::vector<double> us[2];
  for (int i = 0; i < 2 * kReplays; ++i) {
    const double few = replay_us(chains[i % 2][0]);
    us[i % 2].push_back((replay_us(chains[i % 2][1]) - few) / (kProducts[1] - kProducts[0]));
  }
  bool right = true;
  for (int way = 0; way < 2; ++way) {
    require(driver.cuMemsetD8(reinterpret_cast<CUdeviceptr>(product.operands.d), 0xff,
                              static_cast<std::size_t>(2 * product.problem.m * product.problem.n)),
            "filling");
    require(driver.cuCtxSynchronize(), "filling");
    replay_us(chains[way][0]);
    right = right && is_all(driver, product, static_cast<double>(product.problem.k));
    std::nth_element(us[way].begin(), us[way].begin() + kReplays / 2, us[way].end());
    std::printf("%s %.3f\n", way == 0 ? "chained_us" : "chained_overlapped_us",
                us[way][kReplays / 2]);
  }
  return right;
}

}  // namespace

int main(int argc, char** argv) {
  deepgemm_problem problem{};
  if (argc != 3 || std::sscanf(argv[2], "%ldx%ldx%ld", &problem.m, &problem.n, &problem.k) != 3) {
    fail(2, "the arguments are wrong. Run: serving_cost BUNDLE MxNxK");
  }
  const Driver driver;
  CUcontext context = nullptr;
  if (driver.cuInit(0) != CUDA_SUCCESS ||
      driver.cuDevicePrimaryCtxRetain(&context, 0) != CUDA_SUCCESS ||
      driver.cuCtxSetCurrent(context) != CUDA_SUCCESS) {
    fail(3, "the driver found no usable GPU. Run where a Hopper GPU is.");
  }
  const Product product = ones(driver, problem);
  require(driver.cuCtxSynchronize(), "filling");

  deepgemm_runtime* runtime = nullptr;
  const Clock::time_point start = Clock::now();
  require(deepgemm_open(const_cast<const char* const*>(&argv[1]), 1, &runtime));
  const double open_us = microseconds_since(start);
  enqueue(runtime, product, nullptr);
  require(driver.cuCtxSynchronize(), "the first product");
  std::printf("open_ms %.3f\nfirst_result_ms %.3f\n", 1e-3 * open_us,
              1e-3 * microseconds_since(start));
  bool right = is_all(driver, product, static_cast<double>(problem.k));
  std::printf("first_result_right %d\n", right ? 1 : 0);
  right = replay_and_compare(driver, runtime, product) && right;
  right = compare_chains(driver, runtime, product) && right;
  std::printf("tensor_map_us %.3f\n", encode_us(driver, product));
  std::printf("asked_for_nvrtc_or_cublas %d\n", refused.load());
  deepgemm_close(runtime);
  return right && refused == 0 ? 0 : 1;
}
