// The experts of a layer in decode, in C++: one launch multiplies the rows of every group with a B
// of its own, and how many rows each group has is known to the GPU alone. A and B hold ones, so
// every element of a row that is used must be k, and all others must stay as they were.
//
//   masked_experts GROUPS EXPECTED_M N K BUNDLE
//
//   c++ masked_experts.cpp $(pkg-config --cflags --libs deepgemm) -ldl -o masked_experts
//
// Exit codes: 0 right, 1 wrong or refused, 2 usage, 3 no GPU, no driver, or no such bundle.
#include <dlfcn.h>

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
    bind(copy_to_device, "cuMemcpyHtoD_v2");
  }

  Pointer bytes(std::int64_t count, unsigned char value) const {
    Pointer address = 0;
    if (allocate(&address, static_cast<std::size_t>(count)) != 0) {
      throw std::runtime_error("The GPU has no memory left.");
    }
    fill_bytes(address, value, static_cast<std::size_t>(count));
    return address;
  }
  Pointer ones(std::int64_t count) const {
    const Pointer address = bytes(4 * count, 0);
    fill_words(address, 0x3f800000, static_cast<std::size_t>(count));
    return address;
  }

  int (*copy_to_host)(void*, Pointer, std::size_t);
  int (*copy_to_device)(Pointer, const void*, std::size_t);

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
};

template <class T>
T* pointer_to(Driver::Pointer address) {
  return reinterpret_cast<T*>(static_cast<std::uintptr_t>(address));
}

constexpr std::uint16_t kUntouched = 0xffff;  // a NaN that no product gives

bool is_right(std::uint16_t bits, bool used, std::int64_t k) {
  if (!used) return bits == kUntouched;
  const std::uint32_t wide = static_cast<std::uint32_t>(bits) << 16;
  float value;
  std::memcpy(&value, &wide, sizeof value);
  const float expected = static_cast<float>(k);
  return value >= expected * (1 - 1.0f / 128) && value <= expected * (1 + 1.0f / 128);
}

int run(int groups, std::int64_t expected_m, std::int64_t n, std::int64_t k,
        const std::string& bundle) {
  const std::int64_t max_m = 2 * expected_m;
  const std::int64_t k_blocks = (k + 127) / 128;
  const std::int64_t scale_stride = (max_m + 3) / 4 * 4;

  deepgemm::Runtime runtime(bundle);
  const deepgemm_problem problem = {expected_m, n, k, DEEPGEMM_GROUPED_MASKED, groups, 0};
  // After it nothing is loaded any more, so the call may be captured into a CUDA graph.
  if (!runtime.prepare({problem}, DEEPGEMM_MISS_FALLBACK)) {
    throw std::runtime_error(deepgemm_last_error());
  }

  const Driver driver;
  const Driver::Pointer d = driver.bytes(2 * groups * max_m * n, 0xff);
  const Driver::Pointer rows = driver.bytes(4 * groups, 0);
  const deepgemm_operands operands = {
      pointer_to<void>(driver.bytes(groups * max_m * k, 0x38)),
      pointer_to<void>(driver.bytes(groups * n * k, 0x38)),
      pointer_to<float>(driver.ones(groups * k_blocks * scale_stride)),
      pointer_to<float>(driver.ones(groups * ((n + 127) / 128) * k_blocks)),
      pointer_to<void>(d),
      pointer_to<std::int32_t>(rows),
      max_m};
  // In a real program the GPU writes these, in the same stream or graph.
  std::vector<std::int32_t> used;
  for (int g = 0; g < groups; ++g) used.push_back(static_cast<std::int32_t>(7 * g % (max_m + 1)));
  driver.copy_to_device(rows, used.data(), 4 * used.size());
  runtime.check(problem, operands);  // for debugging only: it waits for the GPU
  if (!runtime.gemm(problem, operands, nullptr, DEEPGEMM_MISS_FALLBACK)) return 1;

  std::vector<std::uint16_t> host(static_cast<std::size_t>(groups * max_m * n));
  if (driver.copy_to_host(host.data(), d, 2 * host.size()) != 0) {
    throw std::runtime_error("The result cannot be read. Check the GPU with nvidia-smi.");
  }
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < host.size(); ++i) {
    const std::int64_t row = static_cast<std::int64_t>(i) / n;
    const bool is_used = row % max_m < used[static_cast<std::size_t>(row / max_m)];
    wrong += is_right(host[i], is_used, k) ? 0 : 1;
  }
  std::printf("%s; %zu elements are wrong\n", runtime.find(problem, DEEPGEMM_MISS_FALLBACK).reason,
              wrong);
  return wrong == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr,
                 "masked_experts: five arguments are needed. Run: masked_experts GROUPS "
                 "EXPECTED_M N K BUNDLE\n");
    return 2;
  }
  try {
    return run(std::atoi(argv[1]), std::atoll(argv[2]), std::atoll(argv[3]), std::atoll(argv[4]),
               argv[5]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "masked_experts: %s\n", error.what());
    return 3;
  }
}
