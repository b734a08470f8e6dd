// A process of our own executable that may die without taking the tuner along.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <memory>
#include <string>

#include "autotune/worker_channel.h"

namespace deepgemm::autotune {

// First argument of a command that is to serve as a worker on descriptor kWorkerDescriptor.
inline constexpr const char* kWorkerArgument = "__worker";
inline constexpr int kWorkerDescriptor = 3;

// Started in the constructor, in a process group of its own: Ctrl-C at a terminal reaches the tuner
// alone. It dies with the thread that started it, however that ends, so that one must outlive it.
class WorkerProcess {
 public:
  // Throws EnvironmentError where the system starts no process. An executable that is missing
  // shows as a worker that ends at once.
  explicit WorkerProcess(const std::string& executable);
  // Ends it: gently where it is idle and obeys, else by SIGKILL.
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  WorkerChannel& channel() { return *channel_; }
  pid_t id() const { return id_; }

  // Kills its process group and reaps it. A process that the driver still holds on to is left to
  // the system after some seconds, or half a one in a hurry, or once `stop` is set: it dies with
  // this one anyway.
  void kill(bool in_a_hurry = false, const std::atomic<bool>* stop = nullptr);
  // Somebody stopped it: that it does not answer is nobody's fault.
  bool is_stopped() const;
  // How it ended, after kill() or by itself: "was killed by signal 9", "ended with exit code 1".
  std::string how_it_ended();

 private:
  bool reap(double seconds, const std::atomic<bool>* stop = nullptr);

  pid_t id_ = -1;
  bool ended_ = false;
  bool left_behind_ = false;  // killed, and not waited for any more
  int status_ = 0;
  std::unique_ptr<WorkerChannel> channel_;
};

}  // namespace deepgemm::autotune
