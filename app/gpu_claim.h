// One tuner at a time on a GPU: two spoil each other's times, whatever databases they write.
#pragma once

#include <string>

namespace deepgemm::app {

// Holds a name in the kernel's list of sockets, which any user of this machine can see and which
// vanishes with the process, however that dies. (Each container with a network of its own has a
// list of its own.)
class GpuClaim {
 public:
  // Throws EnvironmentError, which calls the GPU `gpu` ("GPU 1"), where another process holds
  // `name`. Where sockets cannot be had at all, nothing is held and nothing thrown.
  GpuClaim(const std::string& name, const std::string& gpu);
  ~GpuClaim();
  GpuClaim(const GpuClaim&) = delete;
  GpuClaim& operator=(const GpuClaim&) = delete;

 private:
  int socket_ = -1;
};

}  // namespace deepgemm::app
