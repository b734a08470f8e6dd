#include "app/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include "core/error.h"

namespace deepgemm::app {

namespace {

std::atomic<bool> stop_requested{false};
// A signal handler may touch nothing that could take a lock.
static_assert(std::atomic<bool>::is_always_lock_free);

void on_signal(int) {
  if (stop_requested.exchange(true)) _exit(static_cast<int>(core::ExitCode::kInterrupted));
}

}  // namespace

struct InterruptGuard::Previous {
  struct sigaction interrupt;
  struct sigaction terminate;
};

InterruptGuard::InterruptGuard() : previous_(std::make_unique<Previous>()) {
  stop_requested = false;
  struct sigaction action {};
  action.sa_handler = on_signal;
  // Reads and writes under way go on: the pipeline looks at the flag between its steps.
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, &previous_->interrupt);
  sigaction(SIGTERM, &action, &previous_->terminate);
}

InterruptGuard::~InterruptGuard() {
  sigaction(SIGINT, &previous_->interrupt, nullptr);
  sigaction(SIGTERM, &previous_->terminate, nullptr);
}

const std::atomic<bool>& InterruptGuard::stop() const { return stop_requested; }

}  // namespace deepgemm::app
