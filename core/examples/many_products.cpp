// As a server uses deepgemm, in C++: open once, load all kernels ahead, then run one product after
// another without reading a file. A and B hold ones, so every element of D must be k.
//
//   many_products N K BUNDLE...     several bundles are layers: the first one's rows count most
//
//   c++ many_products.cpp $(pkg-config --cflags --libs deepgemm) -ldl -o many_products
//
// Exit codes: 0 right, 1 wrong or refused, 2 usage, 3 no GPU, no driver, or no such bundle.
#include <dlfcn.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deepgemm/deepgemm.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

// What the example needs of the driver beside the library. A real program has cuda.h, or pointers
// from a framework.
class Driver {
 public:
  using Pointer = unsigned long long;

  Driver() : library_(dlopen("libcuda.so.1", RTLD_NOW)) {
    if (library_ == nullptr) throw std::runtime_error("libcuda.so.1 is missing. Install it.");
    bind(allocate, "cuMemAlloc_v2");
    bind(fill_bytes, "cuMemsetD8_v2");
    bind(fill_words, "cuMemsetD32_v2");
    bind(copy_to_host, "cuMemcpyDtoH_v2");
  }

  void* buffer(std::size_t bytes) const {
    Pointer address = 0;
    if (allocate(&address, bytes) != 0) throw std::runtime_error("The GPU has no memory left.");
    return reinterpret_cast<void*>(address);
  }
  void* ones_e4m3(std::size_t count) const {
    void* data = buffer(count);
    fill_bytes(reinterpret_cast<Pointer>(data), 0x38, count);
    return data;
  }
  float* ones_float(std::size_t count) const {
    void* data = buffer(4 * count);
    fill_words(reinterpret_cast<Pointer>(data), 0x3f800000, count);
    return static_cast<float*>(data);
  }
  std::vector<std::uint16_t> read(const void* data, std::size_t count) const {
    std::vector<std::uint16_t> host(count);
    if (copy_to_host(host.data(), reinterpret_cast<Pointer>(data), 2 * count) != 0) {
      throw std::runtime_error("The result cannot be read. Check the GPU with nvidia-smi.");
    }
    return host;
  }

 private:
  template <class Function>
  void bind(Function*& function, const char* name) {
    void* found = dlsym(library_, name);
    std::memcpy(&function, &found, sizeof found);
  }

  void* library_;
  int (*allocate)(Pointer*, std::size_t);
  int (*fill_bytes)(Pointer, unsigned char, std::size_t);
  int (*fill_words)(Pointer, unsigned, std::size_t);
  int (*copy_to_host)(void*, Pointer, std::size_t);
};

float bf16_to_float(std::uint16_t bits) {
  const std::uint32_t wide = static_cast<std::uint32_t>(bits) << 16;
  float value;
  std::memcpy(&value, &wide, sizeof value);
  return value;
}

std::size_t count_wrong(const std::vector<std::uint16_t>& d, std::int64_t k) {
  std::size_t wrong = 0;
  for (const std::uint16_t bits : d) {
    const float difference = bf16_to_float(bits) - static_cast<float>(k);
    wrong += std::fabs(difference) > static_cast<float>(k) / 128 ? 1 : 0;
  }
  return wrong;
}

int run(std::int64_t n, std::int64_t k, const std::vector<std::string>& bundles) {
  const std::int64_t m_of_calls[] = {1, 7, 64, 100, 512};
  const std::int64_t largest_m = 512;

  deepgemm::Runtime runtime(bundles);
  std::vector<deepgemm_problem> problems;
  for (const std::int64_t m : m_of_calls) problems.push_back({m, n, k});
  // After it nothing is loaded any more, so calls may be captured into a CUDA graph.
  if (!runtime.prepare(problems, DEEPGEMM_MISS_FALLBACK)) {
    throw std::runtime_error(deepgemm_last_error());
  }

  const Driver driver;
  const auto size = [](std::int64_t value) { return static_cast<std::size_t>(value); };
  const std::int64_t k_blocks = (k + 127) / 128;
  deepgemm_operands operands;
  operands.a = driver.ones_e4m3(size(largest_m * k));
  operands.b = driver.ones_e4m3(size(n * k));
  operands.scale_a = driver.ones_float(size(k_blocks * largest_m));
  operands.scale_b = driver.ones_float(size((n + 127) / 128 * k_blocks));
  operands.d = driver.buffer(size(2 * largest_m * n));

  std::size_t wrong = 0;
  for (const deepgemm_problem& problem : problems) {
    const deepgemm_found found = runtime.find(problem, DEEPGEMM_MISS_FALLBACK);
    if (!runtime.gemm(problem, operands, nullptr, DEEPGEMM_MISS_FALLBACK)) return 1;
    const std::size_t here = count_wrong(driver.read(operands.d, size(problem.m * n)), k);
    std::printf("m = %lld: %s; %zu elements are wrong\n", static_cast<long long>(problem.m),
                found.reason, here);
    wrong += here;
  }
  return wrong == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr,
                 "many_products: three arguments are needed. Run: many_products N K BUNDLE...\n");
    return 2;
  }
  try {
    return run(std::atoll(argv[1]), std::atoll(argv[2]), {argv + 3, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "many_products: %s\n", error.what());
    return 3;
  }
}
