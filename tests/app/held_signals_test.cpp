#include "app/held_signals.h"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <ctime>

#include "app/interrupt.h"

namespace deepgemm::app {
namespace {

using Signal = sighandler_t (*)(int, sighandler_t);

// The one that a library finds which is opened now.
Signal signal_of_libraries() { return reinterpret_cast<Signal>(dlsym(RTLD_DEFAULT, "signal")); }

sighandler_t handler_of(int number) {
  struct sigaction now {};
  sigaction(number, nullptr, &now);
  return now.sa_handler;
}

TEST(HeldSignals, NoLibraryChangesThem) {
  const sighandler_t before = handler_of(SIGINT);
  {
    const HeldSignals held;
    for (const int number : {SIGINT, SIGTERM}) {
      EXPECT_EQ(signal_of_libraries()(number, SIG_IGN), handler_of(number));
      EXPECT_NE(handler_of(number), SIG_IGN);
    }
    signal_of_libraries()(SIGUSR1, SIG_IGN);
    EXPECT_EQ(handler_of(SIGUSR1), SIG_IGN);
  }
  EXPECT_EQ(signal_of_libraries()(SIGUSR1, SIG_DFL), SIG_IGN);
  EXPECT_EQ(handler_of(SIGUSR1), SIG_DFL);
  EXPECT_EQ(signal_of_libraries()(SIGINT, SIG_IGN), before);
  EXPECT_EQ(handler_of(SIGINT), SIG_IGN);
  signal_of_libraries()(SIGINT, before);
  EXPECT_EQ(signal_of_libraries()(-1, SIG_IGN), SIG_ERR);
}

// As NVRTC does it for each kernel: a signal that was on its way was gone.
TEST(HeldSignals, ASignalThatIsOnItsWayArrives) {
  sigset_t wanted;
  sigemptyset(&wanted);
  sigaddset(&wanted, SIGINT);
  sigset_t before;
  pthread_sigmask(SIG_BLOCK, &wanted, &before);
  const HeldSignals held;
  raise(SIGINT);
  signal_of_libraries()(SIGINT, SIG_IGN);
  const timespec at_once{};
  EXPECT_EQ(sigtimedwait(&wanted, nullptr, &at_once), SIGINT);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST(HeldSignals, AreHeldWhileCtrlCIsGuarded) {
  const InterruptGuard guard;
  signal_of_libraries()(SIGINT, SIG_IGN);
  EXPECT_NE(handler_of(SIGINT), SIG_IGN);
}

}  // namespace
}  // namespace deepgemm::app
