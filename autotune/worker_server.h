// The worker's side: serves an executor's operations until the tuner goes away.
#pragma once

#include <functional>
#include <memory>

#include "autotune/executor.h"

namespace deepgemm::autotune {

using OpenExecutor =
    std::function<std::unique_ptr<Executor>(int ordinal, const core::Environment& base)>;

// Calls `get_ready` and answers on kWorkerDescriptor. Returns when the tuner closed the channel;
// ends the process where a kernel left the GPU's context beyond repair, since nothing in it can be
// used or freed then.
void serve_worker(const std::function<void()>& get_ready, const OpenExecutor& open);

}  // namespace deepgemm::autotune
