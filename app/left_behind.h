// Work of the driver that may hang, which nothing can stop.
#pragma once

#include <atomic>
#include <future>
#include <memory>
#include <thread>
#include <utility>

#include "autotune/interrupt.h"

namespace deepgemm::app {

// Does `work` on a thread of its own and waits for it. Throws Interrupted as soon as `stop` is set,
// and OutOfTime where the deadline passes first; the work goes on then, so all that it refers to
// must outlive it: let the process end at once.
template <class Work>
auto unless_interrupted(const std::atomic<bool>& stop, const autotune::Deadline& deadline,
                        Work work) {
  auto task = std::make_shared<std::packaged_task<decltype(work())()>>(std::move(work));
  auto done = task->get_future();
  std::thread([task] { (*task)(); }).detach();
  if (!autotune::wait_for_result(done, stop, deadline)) throw autotune::OutOfTime{};
  return done.get();
}

}  // namespace deepgemm::app
