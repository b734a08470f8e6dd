// Ranks the next problem while a GPU is busy with this one, and has its candidates compiled.
#pragma once

#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <vector>

#include "autotune/search_space.h"
#include "autotune/tuner.h"
#include "core/compile_pool.h"

namespace deepgemm::autotune {

class LookAhead {
 public:
  // Both must outlive it; `space` must have been walked for the device (SearchSpace::runnable).
  LookAhead(const SearchSpace& space, core::CompilePool& pool) : space_(space), pool_(pool) {}
  // Waits for the ranking that is under way; what is not yet compiled is dropped.
  ~LookAhead();
  LookAhead(const LookAhead&) = delete;
  LookAhead& operator=(const LookAhead&) = delete;

  struct Order {
    core::GemmProblem problem;
    core::GroupDraw draw;
    core::DeviceInfo device;
    Effort effort;
    core::GemmConfig fallback;
    std::vector<core::GemmConfig> known;  // that need not be built
  };
  // Ranks the problem on a thread, then asks the pool for the fallback and the candidates of the
  // effort. The kernels of the problem before stay for its run to take.
  void begin(Order order);

  // The plan that was begun for the same problem and the same rates of the device; nullopt where
  // there is none.
  std::optional<Plan> take(const core::GemmProblem& problem, const core::DeviceInfo& device);

 private:
  using Flag = std::shared_ptr<std::atomic<bool>>;

  const SearchSpace& space_;
  core::CompilePool& pool_;
  Order order_;
  std::future<Plan> plan_;
  Flag current_;  // set: what it asked of the pool is dropped
  Flag before_;
};

}  // namespace deepgemm::autotune
