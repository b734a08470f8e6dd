// A program as a user of the runtime library writes it: libdeepgemm and the driver, nothing else.
//
//   runtime_client DATABASE MxNxK OPERANDS RESULT    one product; operands from a file, D to one
//   runtime_client DATABASE MxNxK --launches COUNT   COUNT products on random operands, each after
//                                                    a 512 MB fill: to be run under ncu
// OPERANDS holds A, B, scale_a and scale_b one after the other, as deepgemm.h lays them out.
// Prints what was found, and which CUDA libraries the process has loaded.
#include <cuda.h>
#include <dlfcn.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "deepgemm/deepgemm.h"

namespace {

[[noreturn]] void fail(const std::string& what) {
  std::cerr << "runtime_client: " << what << "\n";
  std::exit(1);
}

void require(bool ok, const char* what) {
  if (!ok) fail(std::string(what) + ": " + deepgemm_last_error());
}

template <typename Function>
Function* symbol(void* library, const char* name) {
  auto* const found = reinterpret_cast<Function*>(dlsym(library, name));
  if (found == nullptr) fail(std::string("the driver lacks ") + name);
  return found;
}

// The few driver functions that a client needs beside the library.
struct Cuda {
  void* library = dlopen("libcuda.so.1", RTLD_NOW);
  decltype(&::cuInit) init = symbol<decltype(::cuInit)>(library, "cuInit");
  decltype(&::cuDevicePrimaryCtxRetain) retain =
      symbol<decltype(::cuDevicePrimaryCtxRetain)>(library, "cuDevicePrimaryCtxRetain");
  decltype(&::cuCtxSetCurrent) set_current =
      symbol<decltype(::cuCtxSetCurrent)>(library, "cuCtxSetCurrent");
  decltype(&::cuMemAlloc) allocate = symbol<decltype(::cuMemAlloc)>(library, "cuMemAlloc_v2");
  decltype(&::cuMemcpyHtoD) to_device =
      symbol<decltype(::cuMemcpyHtoD)>(library, "cuMemcpyHtoD_v2");
  decltype(&::cuMemcpyDtoH) to_host = symbol<decltype(::cuMemcpyDtoH)>(library, "cuMemcpyDtoH_v2");
  decltype(&::cuMemsetD8Async) fill =
      symbol<decltype(::cuMemsetD8Async)>(library, "cuMemsetD8Async");
  decltype(&::cuCtxSynchronize) synchronize =
      symbol<decltype(::cuCtxSynchronize)>(library, "cuCtxSynchronize");

  CUdeviceptr buffer(std::size_t bytes) const {
    CUdeviceptr address = 0;
    if (allocate(&address, bytes) != CUDA_SUCCESS) fail("out of GPU memory");
    return address;
  }
};

struct Sizes {
  explicit Sizes(const deepgemm_problem& p)
      : a(static_cast<std::size_t>(p.m * p.k)),
        b(static_cast<std::size_t>(p.n * p.k)),
        scale_a(static_cast<std::size_t>(4 * ((p.k + 127) / 128) * ((p.m + 3) / 4 * 4))),
        scale_b(static_cast<std::size_t>(4 * ((p.n + 127) / 128) * ((p.k + 127) / 128))),
        d(static_cast<std::size_t>(2 * p.m * p.n)) {}
  std::size_t a, b, scale_a, scale_b, d;
  std::size_t operands() const { return a + b + scale_a + scale_b; }
};

std::vector<char> random_operands(const Sizes& sizes) {
  std::vector<char> bytes(sizes.operands());
  std::mt19937 random(1);
  // Magnitudes up to 0x6f, 192: no NaN among them.
  for (std::size_t i = 0; i < sizes.a + sizes.b; ++i) {
    bytes[i] = static_cast<char>(random() & 0xef);
    if ((bytes[i] & 0x60) == 0x60) bytes[i] = static_cast<char>(bytes[i] & 0xdf);
  }
  for (std::size_t i = sizes.a + sizes.b; i < bytes.size(); i += 4) {
    const float scale = 0x1p-8f * static_cast<float>(1 + random() % 15);
    std::memcpy(bytes.data() + i, &scale, 4);
  }
  return bytes;
}

std::vector<char> read_file(const char* path, std::size_t bytes) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> content{std::istreambuf_iterator<char>(file), {}};
  if (content.size() != bytes) fail(std::string(path) + " has not the size of the operands");
  return content;
}

// Which of the libraries that only tuning needs are in this process.
void print_loaded_libraries() {
  std::ifstream maps("/proc/self/maps");
  const std::string text{std::istreambuf_iterator<char>(maps), {}};
  for (const char* name : {"libnvrtc", "libcublasLt", "libcupti"}) {
    std::cout << name << (text.find(name) == std::string::npos ? " absent" : " loaded") << "\n";
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) fail("usage: runtime_client DATABASE MxNxK OPERANDS RESULT | --launches COUNT");
  deepgemm_problem problem{};
  if (std::sscanf(argv[2], "%ldx%ldx%ld", &problem.m, &problem.n, &problem.k) != 3) {
    fail("the shape is not MxNxK");
  }
  const Cuda cuda;
  CUcontext context = nullptr;
  if (cuda.init(0) != CUDA_SUCCESS || cuda.retain(&context, 0) != CUDA_SUCCESS ||
      cuda.set_current(context) != CUDA_SUCCESS) {
    fail("no GPU");
  }
  const bool timed = std::strcmp(argv[3], "--launches") == 0;
  const Sizes sizes(problem);
  const std::vector<char> host =
      timed ? random_operands(sizes) : read_file(argv[3], sizes.operands());
  const CUdeviceptr input = cuda.buffer(sizes.operands() + 64);
  // Each operand at an address that is a multiple of 16; all sizes but scale_b's are.
  if (cuda.to_device(input, host.data(), host.size()) != CUDA_SUCCESS) fail("copy failed");
  const CUdeviceptr output = cuda.buffer(sizes.d);
  auto* const base = reinterpret_cast<const char*>(input);
  const deepgemm_operands operands{
      base, base + sizes.a, reinterpret_cast<const float*>(base + sizes.a + sizes.b),
      reinterpret_cast<const float*>(base + sizes.a + sizes.b + sizes.scale_a),
      reinterpret_cast<void*>(output)};

  deepgemm_runtime* runtime = nullptr;
  const char* const path = argv[1];
  require(deepgemm_open(&path, 1, &runtime) == DEEPGEMM_OK, "open");
  deepgemm_found found{};
  require(deepgemm_find(runtime, &problem, DEEPGEMM_MISS_ERROR, &found) == DEEPGEMM_OK, "find");
  std::cout << "match " << found.match << ": " << found.reason << "\n"
            << "config " << found.config << "\n";
  require(deepgemm_prepare(runtime, &problem, 1, DEEPGEMM_MISS_ERROR) == DEEPGEMM_OK, "prepare");
  constexpr std::size_t kFlushBytes = std::size_t{512} << 20;
  const int launches = timed ? std::atoi(argv[4]) : 1;
  const CUdeviceptr flush = timed ? cuda.buffer(kFlushBytes) : 0;
  for (int i = 0; i < launches; ++i) {
    if (timed) cuda.fill(flush, 0xa5, kFlushBytes, nullptr);
    require(
        deepgemm_gemm(runtime, &problem, &operands, DEEPGEMM_MISS_ERROR, nullptr) == DEEPGEMM_OK,
        "gemm");
  }
  if (cuda.synchronize() != CUDA_SUCCESS) fail("the product failed on the GPU");
  if (!timed) {
    std::vector<char> d(sizes.d);
    if (cuda.to_host(d.data(), output, d.size()) != CUDA_SUCCESS) fail("copy failed");
    std::ofstream(argv[4], std::ios::binary).write(d.data(), static_cast<long>(d.size()));
  }
  print_loaded_libraries();
  deepgemm_close(runtime);
}
