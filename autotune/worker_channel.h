// Messages between the tuner and its worker process, over a socket pair.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "autotune/worker_wait.h"

namespace deepgemm::autotune {

// Raised when a message changes its meaning: then an old worker is told from a new one.
inline constexpr std::uint32_t kWorkerProtocol = 2;

enum class Say : std::uint32_t {
  // The tuner asks; each question has one answer.
  kHello,    // ordinal of the GPU, environment as far as known -> environment
  kPrepare,  // problem, draw -> reference, its note
  kAdmit,    // contender, whether there is a cubin, the cubin -> admission
  kDismiss,  // id -> nothing
  kVerify,   // id -> check
  kRound,    // ids -> round
  // The worker answers.
  kDone = 100,
  kRefused,  // exit code, what, next step: an Error of the work itself
  kLost,     // detail: the context is beyond repair; the worker ends after saying so
};

struct Message {
  Say say = Say::kDone;
  std::string body;
};

// How waiting for a message ended.
enum class Heard { kMessage, kTimeout, kClosed, kGarbled };

// One end. Owns the descriptor.
class WorkerChannel {
 public:
  explicit WorkerChannel(int descriptor) : descriptor_(descriptor) {}
  ~WorkerChannel();
  WorkerChannel(const WorkerChannel&) = delete;
  WorkerChannel& operator=(const WorkerChannel&) = delete;

  // False where the other end is gone, or does not read before the wait is over.
  bool send(const Message& message, WorkerWait& wait);
  // `seconds` 0: no limit.
  bool send(const Message& message, double seconds = 0) {
    WorkerWait wait(seconds);
    return send(message, wait);
  }

  // Throws Interrupted (autotune/interrupt.h) when `stop` is set; null: none.
  Heard receive(Message& message, WorkerWait& wait, const std::atomic<bool>* stop = nullptr);
  // `seconds` 0: no limit.
  Heard receive(Message& message, double seconds = 0, const std::atomic<bool>* stop = nullptr) {
    WorkerWait wait(seconds);
    return receive(message, wait, stop);
  }

 private:
  Heard read_fully(char* to, std::size_t count, WorkerWait& wait, const std::atomic<bool>* stop);

  int descriptor_;
};

}  // namespace deepgemm::autotune
