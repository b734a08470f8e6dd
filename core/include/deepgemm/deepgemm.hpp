// C++ face of deepgemm.h: the same calls, with ownership and exceptions. Header only.
#ifndef DEEPGEMM_DEEPGEMM_HPP_
#define DEEPGEMM_DEEPGEMM_HPP_

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "deepgemm.h"

namespace deepgemm {

// Every failure but a missing row throws std::runtime_error with what deepgemm_last_error says.
class Runtime {
 public:
  explicit Runtime(const std::string& path) {
    deepgemm_runtime* opened = nullptr;
    require(deepgemm_open(path.c_str(), &opened));
    handle_.reset(opened);
  }

  // match is DEEPGEMM_MATCH_NONE where the database has no row; reason then says what to do.
  deepgemm_found find(const deepgemm_problem& problem) const {
    deepgemm_found found{};
    const deepgemm_status status = deepgemm_find(handle_.get(), &problem, &found);
    if (status != DEEPGEMM_NO_KERNEL) require(status);
    return found;
  }

  // False where the database has no row for one of them; the others are loaded all the same.
  [[nodiscard]] bool prepare(const std::vector<deepgemm_problem>& problems) {
    return is_hit(
        deepgemm_prepare(handle_.get(), problems.data(), static_cast<int>(problems.size())));
  }

  // False where the database has no row: nothing was enqueued.
  [[nodiscard]] bool gemm(const deepgemm_problem& problem, const deepgemm_operands& operands,
                          void* stream = nullptr) {
    return is_hit(deepgemm_gemm(handle_.get(), &problem, &operands, stream));
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
