// Builds many configs on threads, in the order in which they were asked for.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <future>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
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

  // Builds these, too, in their order, while nothing is submitted that waits: a later submit of the
  // same config gets what is there. Where `*dropped` is set, those that nobody asked for go.
  void anticipate(std::span<const GemmConfig> configs, Flag dropped);

  int threads() const { return static_cast<int>(threads_.size()); }
  // Whether a build is under way.
  bool busy() const { return running_.load() > 0; }

 private:
  using Task = std::packaged_task<BuildResult()>;
  struct Ahead {
    GemmConfig config;
    Task task;
    std::future<BuildResult> result;
    Flag dropped;
    bool started = false;
  };

  Task task_for(const GemmConfig& config, Flag cancelled);
  std::optional<Task> take_task();
  void work();

  KernelBuilder& builder_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Task> queue_;
  std::list<Ahead> ahead_;  // those that a submit has claimed are gone from it
  bool closing_ = false;
  std::atomic<int> running_{0};
  std::vector<std::thread> threads_;
};

}  // namespace deepgemm::core
