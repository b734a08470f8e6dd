// An executor whose candidates run in a process of their own, which they may kill.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "autotune/executor.h"
#include "autotune/worker_process.h"

namespace deepgemm::autotune {

// Seconds that an answer may take beyond what the cost model predicts for the kernels in it.
struct WorkerLimits {
  double start = 60;    // opening a GPU, its libraries, compiling the supporting kernels
  double prepare = 60;  // operands and references of the largest shapes
  double admit = 10;
  double verify = 3;
  double round = 3;
};

// A command that serves as a worker when it is called with kWorkerArgument.
inline constexpr const char* kOwnExecutable = "/proc/self/exe";

struct WorkerOptions {
  int ordinal = 0;
  std::string executable = kOwnExecutable;
  // The first worker, where it was started ahead, so that it got ready beside the caller.
  std::unique_ptr<WorkerProcess> started = nullptr;
  WorkerLimits limits = {};
  // Called for each worker that was lost, with a sentence.
  std::function<void(const std::string&)> on_loss = nullptr;
  const std::atomic<bool>* stop = nullptr;  // ends every wait with Interrupted; null: none
};

// Its worker, started ahead or now, opens the GPU when a problem is first prepared. Another is
// started whenever one was lost: by an
// illegal access, a trap, a hang beyond the limit, a kill, or nonsense in its answers. The
// contender at fault gets kFaulted, kHung or kWorkerLost as its outcome; the others are admitted
// again without being asked for. One workbench at a time, used by the thread that made it.
// `identity` is what the worker must find too; another GPU or library throws EnvironmentError, as
// does a worker that cannot be started.
std::unique_ptr<Executor> make_worker_executor(const GpuIdentity& identity, WorkerOptions options);

}  // namespace deepgemm::autotune
