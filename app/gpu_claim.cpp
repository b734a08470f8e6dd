#include "app/gpu_claim.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>

#include "core/error.h"

namespace deepgemm::app {

GpuClaim::GpuClaim(const std::string& name, const std::string& gpu) {
  // Close-on-exec: a worker process must not keep what a tuner that was killed held.
  socket_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket_ < 0) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // A first byte of 0 keeps it out of the file system.
  const std::size_t length = std::min(name.size(), sizeof address.sun_path - 1);
  std::copy_n(name.data(), length, address.sun_path + 1);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + length);
  if (bind(socket_, reinterpret_cast<const sockaddr*>(&address), size) == 0) return;
  const bool is_held = errno == EADDRINUSE;
  close(socket_);
  socket_ = -1;
  if (!is_held) return;
  throw core::EnvironmentError(
      gpu + " is in use by another deepgemm-tune, and both would spoil each other's times.",
      "Wait until that one is done, or name another GPU with --gpu; a launcher must start no more "
      "processes than there are GPUs.");
}

GpuClaim::~GpuClaim() {
  if (socket_ >= 0) close(socket_);
}

}  // namespace deepgemm::app
