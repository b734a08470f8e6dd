// The tuner's connection to its worker: asks, waits within a limit, and says how it failed.
#pragma once

#include <optional>
#include <string>

#include "autotune/interrupt.h"
#include "autotune/worker_executor.h"
#include "autotune/worker_process.h"

namespace deepgemm::autotune {

// A process that cannot even be started, or prepared, so often in a row is not lost by chance.
inline constexpr int kMostAttempts = 3;

// Why there is no answer.
struct Loss {
  core::Outcome outcome = core::Outcome::kWorkerLost;
  std::string detail;  // one sentence
  // The worker was suspended by somebody: no kernel is to blame, and another worker may do it.
  bool is_blameless = false;
};

// What the worker said: the body of its answer, or why there is none.
struct Answer {
  std::string body;
  std::optional<Loss> loss;
};

class WorkerLink {
 public:
  WorkerLink(const GpuIdentity& identity, WorkerOptions options)
      : identity_(identity), options_(std::move(options)), worker_(std::move(options_.started)) {}
  ~WorkerLink();

  // Starts a worker where there is none, and lets it open the GPU; another one where it is lost
  // meanwhile. Throws EnvironmentError, what
  // the worker throws, and OutOfTime.
  void start(const Deadline& deadline);
  // Which worker this is, counted from 1; 0 where there is none. What was prepared in another one
  // is gone.
  int generation() const { return open_ ? opened_ : 0; }
  // Ends a worker whose answers make no sense.
  Loss give_up();

  // Asks the worker, which start() has made, and waits for `limit_s` seconds, or until the
  // deadline. After a loss there is none. Throws what the worker throws as an Error, Interrupted,
  // and OutOfTime where the deadline, and not the limit, ended the wait: then the worker is lost,
  // too.
  Answer ask(Say say, const std::string& body, double limit_s, const Deadline& deadline = {});
  // The same for what runs one kernel alone. Where the deadline comes too soon to tell a kernel
  // that hangs from one that had no time, the wait goes on until it can be told, and until
  // `last_moment` at most: a loss then, and not OutOfTime.
  Answer ask_for_one(Say say, const std::string& body, double limit_s, const Deadline& deadline,
                     const Deadline& last_moment);

  const WorkerLimits& limits() const { return options_.limits; }
  const GpuIdentity& identity() const { return identity_; }

 private:
  void end_worker(bool in_a_hurry = false);
  Answer lose(core::Outcome outcome, const std::string& detail, bool in_a_hurry = false);
  Answer lose_at_limit(double limit_s);
  [[noreturn]] void run_out_of_time();
  // nullopt where the wait ended first.
  std::optional<Answer> exchange(Say say, const std::string& body, WorkerWait& wait);

  const GpuIdentity& identity_;
  WorkerOptions options_;
  std::unique_ptr<WorkerProcess> worker_;
  bool open_ = false;  // the worker has the GPU open
  int opened_ = 0;     // workers so far that had
};

}  // namespace deepgemm::autotune
