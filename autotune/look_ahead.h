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

  // Ranks `problem` for `device` on a thread, then asks the pool for `fallback` and those of the
  // effort that are not `known`. The kernels of the problem before stay for its run to take.
  void begin(const core::GemmProblem& problem, const core::DeviceInfo& device, Effort effort,
             const core::GemmConfig& fallback, std::vector<core::GemmConfig> known);

  // The plan that was begun for the same problem and rates; nullopt where there is none.
  std::optional<Plan> take(const core::GemmProblem& problem, const core::DeviceInfo& device);

 private:
  using Flag = std::shared_ptr<std::atomic<bool>>;

  const SearchSpace& space_;
  core::CompilePool& pool_;
  core::GemmProblem problem_;
  double memory_gbps_ = 0;
  int clock_mhz_ = 0;
  std::future<Plan> plan_;
  Flag current_;  // set: what it asked of the pool is dropped
  Flag before_;
};

}  // namespace deepgemm::autotune
