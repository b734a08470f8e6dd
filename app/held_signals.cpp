#include "app/held_signals.h"

#include <signal.h>

#include <atomic>

namespace deepgemm::app {

namespace {

std::atomic<bool> are_held{false};

}  // namespace

HeldSignals::HeldSignals() { are_held = true; }
HeldSignals::~HeldSignals() { are_held = false; }

}  // namespace deepgemm::app

// In place of the C library's: what that does, but for signals that are held.
extern "C" __attribute__((visibility("default"))) sighandler_t signal(
    int number, sighandler_t handler) noexcept {
  struct sigaction before {};
  const bool is_held = deepgemm::app::are_held && (number == SIGINT || number == SIGTERM);
  struct sigaction wanted {};
  wanted.sa_handler = handler;
  wanted.sa_flags = SA_RESTART;
  sigemptyset(&wanted.sa_mask);
  sigaddset(&wanted.sa_mask, number);
  if (sigaction(number, is_held ? nullptr : &wanted, &before) != 0) return SIG_ERR;
  return before.sa_handler;
}
