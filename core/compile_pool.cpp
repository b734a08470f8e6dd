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

CompilePool::Task CompilePool::task_for(const GemmConfig& config, Flag cancelled) {
  return Task([this, config, cancelled] {
    if (!cancelled || !cancelled->load()) return builder_.build(config);
    BuildResult none;
    none.failure = "cancelled";
    return none;
  });
}

std::future<BuildResult> CompilePool::submit(const GemmConfig& config, Flag cancelled) {
  std::future<BuildResult> result;
  {
    const std::lock_guard lock(mutex_);
    const auto known = std::find_if(ahead_.begin(), ahead_.end(),
                                    [&](const Ahead& each) { return each.config == config; });
    if (known != ahead_.end()) {
      const bool started = known->started;
      if (started) result = std::move(known->result);
      ahead_.erase(known);
      if (started) return result;
    }
    Task task = task_for(config, std::move(cancelled));
    result = task.get_future();
    queue_.push_back(std::move(task));
  }
  wake_.notify_one();
  return result;
}

void CompilePool::anticipate(std::span<const GemmConfig> configs, Flag dropped) {
  {
    const std::lock_guard lock(mutex_);
    for (const GemmConfig& config : configs) {
      Ahead& added = ahead_.emplace_back();
      added.config = config;
      added.task = task_for(config, nullptr);  // once started, somebody may have claimed it
      added.result = added.task.get_future();
      added.dropped = dropped;
    }
  }
  wake_.notify_all();
}

// What is waited for goes first. nullopt where there is nothing to do.
std::optional<CompilePool::Task> CompilePool::take_task() {
  if (!queue_.empty()) {
    Task task = std::move(queue_.front());
    queue_.pop_front();
    return task;
  }
  std::erase_if(ahead_, [](const Ahead& each) { return each.dropped && each.dropped->load(); });
  for (Ahead& each : ahead_) {
    if (each.started) continue;
    each.started = true;
    return std::move(each.task);
  }
  return std::nullopt;
}

void CompilePool::work() {
  while (true) {
    std::optional<Task> task;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return closing_ || (task = take_task()).has_value(); });
      if (closing_) return;
      ++running_;  // before anybody can see that the task left the queue
    }
    (*task)();
    --running_;
  }
}

}  // namespace deepgemm::core
