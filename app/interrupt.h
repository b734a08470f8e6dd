// Ctrl-C as a flag.
#pragma once

#include <atomic>
#include <memory>

namespace deepgemm::app {

// While one exists, the first SIGINT or SIGTERM sets a flag that the work polls; the second ends
// the process at once with exit code 130. The handlers that were there before come back with the
// destructor. One at a time.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  const std::atomic<bool>& stop() const;

 private:
  struct Previous;
  std::unique_ptr<Previous> previous_;
};

}  // namespace deepgemm::app
