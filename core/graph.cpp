#include "core/graph.h"

#include "core/driver.h"

namespace deepgemm::core {

Graph::Graph(const Stream& stream, const std::function<void()>& enqueue) {
  const Driver& d = driver();
  check(d.cuStreamBeginCapture(stream.get(), CU_STREAM_CAPTURE_MODE_THREAD_LOCAL),
        "capturing a graph");
  CUgraph graph = nullptr;
  try {
    enqueue();
  } catch (...) {
    d.cuStreamEndCapture(stream.get(), &graph);
    if (graph != nullptr) d.cuGraphDestroy(graph);
    throw;
  }
  check(d.cuStreamEndCapture(stream.get(), &graph), "capturing a graph");
  const CUresult result = d.cuGraphInstantiateWithFlags(&executable_, graph, 0);
  d.cuGraphDestroy(graph);
  check(result, "making a graph");
}

Graph::~Graph() { driver().cuGraphExecDestroy(executable_); }

void Graph::launch(const Stream& stream) const {
  check(driver().cuGraphLaunch(executable_, stream.get()), "launching a graph");
}

}  // namespace deepgemm::core
