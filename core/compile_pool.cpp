#include "core/compile_pool.h"

#include <algorithm>

namespace deepgemm::core {

CompilePool::CompilePool(KernelBuilder& builder, int threads) : builder_(builder) {
  const unsigned count = threads > 0 ? static_cast<unsigned>(threads)
                                     : std::max(1u, std::thread::hardware_concurrency());
  for (unsigned i = 0; i < count; ++i) threads_.emplace_back([this] { work(); });
}

CompilePool::~CompilePool() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    queue_.clear();
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

std::future<BuildResult> CompilePool::submit(const GemmConfig& config, Flag cancelled) {
  std::packaged_task<BuildResult()> task([this, config, cancelled] {
    if (!cancelled || !cancelled->load()) return builder_.build(config);
    BuildResult none;
    none.failure = "cancelled";
    return none;
  });
  std::future<BuildResult> result = task.get_future();
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(task));
  }
  wake_.notify_one();
  return result;
}

void CompilePool::work() {
  while (true) {
    std::packaged_task<BuildResult()> task;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return closing_ || !queue_.empty(); });
      if (closing_) return;
      task = std::move(queue_.front());
      queue_.pop_front();
    }
    ++running_;
    task();
    --running_;
  }
}

}  // namespace deepgemm::core
