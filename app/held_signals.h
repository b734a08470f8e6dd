// Keeps libraries from touching how Ctrl-C is handled.
#pragma once

namespace deepgemm::app {

// While one exists, signal(3) changes nothing for SIGINT and SIGTERM, whoever calls it: NVRTC does
// for each kernel that it compiles, and first sets SIG_IGN, upon which the kernel of Linux drops a
// SIGINT that is on its way to a thread that waits for it. For that, programs export their own
// signal(), which dynamic libraries find before that of the C library. One at a time.
class HeldSignals {
 public:
  HeldSignals();
  ~HeldSignals();
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;
};

}  // namespace deepgemm::app
