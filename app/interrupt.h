// Ctrl-C as a flag.
#pragma once

#include <atomic>
#include <memory>

namespace deepgemm::app {

// While one exists, the first SIGINT or SIGTERM sets a flag that the work polls; one that comes
// later ends the process at once with exit code 130, but not one that comes together with the
// first: timeout(1) signals a process and its group. A thread takes the signals and all other
// threads that start meanwhile block them, for NVRTC would handle SIGINT itself while it compiles
// (see app/held_signals.h).
// What held before comes back with the destructor. One at a time, made before other threads.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  const std::atomic<bool>& stop() const;

 private:
  class Listener;
  std::unique_ptr<Listener> listener_;
};

}  // namespace deepgemm::app
