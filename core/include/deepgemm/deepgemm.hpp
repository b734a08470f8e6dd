// C++ face of deepgemm.h: the same calls, with ownership and exceptions. Header only.
#ifndef DEEPGEMM_DEEPGEMM_HPP_
#define DEEPGEMM_DEEPGEMM_HPP_

#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "deepgemm.h"

namespace deepgemm {

// Every failure but a missing row throws std::runtime_error with what deepgemm_last_error says.
class Runtime {
 public:
  explicit Runtime(const std::string& path) : Runtime(std::vector<std::string>{path}) {}

  // Layers, the uppermost first.
  explicit Runtime(const std::vector<std::string>& paths) {
    std::vector<const char*> texts;
    for (const std::string& path : paths) texts.push_back(path.c_str());
    deepgemm_runtime* opened = nullptr;
    require(deepgemm_open(texts.data(), static_cast<int>(texts.size()), &opened));
    handle_.reset(opened);
  }

  // The same of a list in braces, of which two texts would else be the ends of one.
  Runtime(std::initializer_list<std::string> paths) : Runtime(std::vector<std::string>(paths)) {}

  // match is DEEPGEMM_MATCH_NONE where nothing answers; reason then says what to do.
  deepgemm_found find(const deepgemm_problem& problem,
                      deepgemm_miss miss = DEEPGEMM_MISS_ERROR) const {
    deepgemm_found found{};
    const deepgemm_status status = deepgemm_find(handle_.get(), &problem, miss, &found);
    if (status != DEEPGEMM_NO_KERNEL) require(status);
    return found;
  }

  // False where nothing answers for one of them; the others are loaded all the same.
  [[nodiscard]] bool prepare(const std::vector<deepgemm_problem>& problems,
                             deepgemm_miss miss = DEEPGEMM_MISS_ERROR) {
    return is_hit(
        deepgemm_prepare(handle_.get(), problems.data(), static_cast<int>(problems.size()), miss));
  }

  // False where nothing answers: nothing was enqueued.
  [[nodiscard]] bool gemm(const deepgemm_problem& problem, const deepgemm_operands& operands,
                          void* stream = nullptr, deepgemm_miss miss = DEEPGEMM_MISS_ERROR) {
    return is_hit(deepgemm_gemm(handle_.get(), &problem, &operands, miss, stream));
  }

  // The same, and may start while the kernel before it still runs (deepgemm_gemm_overlapped).
  [[nodiscard]] bool gemm_overlapped(const deepgemm_problem& problem,
                                     const deepgemm_operands& operands, void* stream = nullptr,
                                     deepgemm_miss miss = DEEPGEMM_MISS_ERROR) {
    return is_hit(deepgemm_gemm_overlapped(handle_.get(), &problem, &operands, miss, stream));
  }

  // For debugging grouped products: throws where the rows break what deepgemm.h asks of them.
  void check(const deepgemm_problem& problem, const deepgemm_operands& operands,
             void* stream = nullptr) const {
    require(deepgemm_check(handle_.get(), &problem, &operands, stream));
  }

  deepgemm_runtime* get() const { return handle_.get(); }

 private:
  struct Close {
    void operator()(deepgemm_runtime* runtime) const { deepgemm_close(runtime); }
  };

  static void require(deepgemm_status status) {
    if (status != DEEPGEMM_OK) throw std::runtime_error(deepgemm_last_error());
  }

  static bool is_hit(deepgemm_status status) {
    if (status == DEEPGEMM_NO_KERNEL) return false;
    require(status);
    return true;
  }

  std::unique_ptr<deepgemm_runtime, Close> handle_;
};

}  // namespace deepgemm

#endif
