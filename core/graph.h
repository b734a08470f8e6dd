// Work that is captured once and launched as a whole.
#pragma once

#include <functional>

#include "core/device_memory.h"

struct CUgraphExec_st;

namespace deepgemm::core {

class Graph {
 public:
  // Captures what `enqueue` puts on `stream`. Throws EnvironmentError where it may not be captured.
  Graph(const Stream& stream, const std::function<void()>& enqueue);
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  // Enqueues all of it. Throws EnvironmentError.
  void launch(const Stream& stream) const;

 private:
  CUgraphExec_st* executable_ = nullptr;
};

}  // namespace deepgemm::core
