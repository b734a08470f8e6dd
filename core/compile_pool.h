// Builds many configs on threads, in the order in which they were asked for.
#pragma once

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include "core/kernel_builder.h"

namespace deepgemm::core {

class CompilePool {
 public:
  // threads < 1 means one per hardware thread. `builder` must outlive the pool.
  CompilePool(KernelBuilder& builder, int threads);
  // Drops what has not started (its futures report broken_promise) and waits for what has.
  ~CompilePool();
  CompilePool(const CompilePool&) = delete;
  CompilePool& operator=(const CompilePool&) = delete;

  std::future<BuildResult> submit(const GemmConfig& config);

 private:
  void work();

  KernelBuilder& builder_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::packaged_task<BuildResult()>> queue_;
  bool closing_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace deepgemm::core
