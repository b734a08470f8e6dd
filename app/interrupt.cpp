#include "app/interrupt.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "app/held_signals.h"
#include "core/error.h"

namespace deepgemm::app {

namespace {

// Signals closer to the first than this are one.
constexpr std::chrono::milliseconds kTogether{300};

}  // namespace

class InterruptGuard::Listener {
 public:
  Listener() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals_, &mask_before_);
    thread_ = std::thread([this] { listen(); });
  }

  ~Listener() {
    ended_ = true;
    pthread_kill(thread_.native_handle(), SIGTERM);  // it waits for a signal
    thread_.join();
    pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
  }

  const std::atomic<bool>& stop() const { return stop_; }

 private:
  using Clock = std::chrono::steady_clock;

  void listen() {
    Clock::time_point first;
    for (int signal = 0; sigwait(&signals_, &signal) == 0 && !ended_;) {
      const auto now = Clock::now();
      if (!stop_) {
        first = now;
        stop_ = true;
      } else if (now - first > kTogether) {
        _exit(static_cast<int>(core::ExitCode::kInterrupted));
      }
    }
  }

  HeldSignals held_;
  sigset_t signals_;
  sigset_t mask_before_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

InterruptGuard::InterruptGuard() : listener_(std::make_unique<Listener>()) {}
InterruptGuard::~InterruptGuard() = default;

const std::atomic<bool>& InterruptGuard::stop() const { return listener_->stop(); }

}  // namespace deepgemm::app
