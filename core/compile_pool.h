// Builds many configs on threads, in the order in which they were asked for.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/kernel_builder.h"

namespace deepgemm::core {

class CompilePool {
 public:
  // threads < 1 means one per hardware thread. `builder` must outlive the pool.
  CompilePool(KernelBuilder& builder, int threads);
  // Drops what has not started (its futures report broken_promise) and waits for what has, which
  // takes as long as the slowest kernel does; busy() tells whether it would.
  ~CompilePool();
  CompilePool(const CompilePool&) = delete;
  CompilePool& operator=(const CompilePool&) = delete;

  // Where `*cancelled` is set before its turn comes, a build fails at once.
  using Flag = std::shared_ptr<const std::atomic<bool>>;
  std::future<BuildResult> submit(const GemmConfig& config, Flag cancelled = nullptr);

  int threads() const { return static_cast<int>(threads_.size()); }
  // Whether a build is under way.
  bool busy() const { return running_.load() > 0; }

 private:
  void work();

  KernelBuilder& builder_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::packaged_task<BuildResult()>> queue_;
  bool closing_ = false;
  std::atomic<int> running_{0};
  std::vector<std::thread> threads_;
};

}  // namespace deepgemm::core
