#include "autotune/worker_channel.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace deepgemm::autotune {
namespace {

struct Header {
  std::uint32_t magic;  // "dgw" and the protocol's version
  Say say;
  std::uint64_t bytes;
};

constexpr std::uint32_t kMagic = 0x77676400u + kWorkerProtocol;
// Far above the largest cubin: a length beyond it is no length.
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 28;

// Until the descriptor is ready for `events`, or the next look-up.
void wait_for(int descriptor, short events) {
  pollfd entry{descriptor, events, 0};
  poll(&entry, 1, static_cast<int>(WorkerWait::kBetweenLookUps.count()));
}

}  // namespace

WorkerChannel::~WorkerChannel() {
  if (descriptor_ >= 0) close(descriptor_);
}

bool WorkerChannel::send(const Message& message, WorkerWait& wait) {
  const Header header{kMagic, message.say, message.body.size()};
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof(header));
  bytes += message.body;
  for (std::size_t sent = 0; sent < bytes.size();) {
    wait.look_up();
    // No signal where the other end is gone: that is an answer like any other.
    const ssize_t count =
        ::send(descriptor_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count > 0) {
      sent += static_cast<std::size_t>(count);
    } else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
      return false;
    } else if (wait.is_over()) {
      return false;
    } else {
      wait_for(descriptor_, POLLOUT);
    }
  }
  return true;
}

Heard WorkerChannel::read_fully(char* to, std::size_t count, WorkerWait& wait,
                                const std::atomic<bool>* stop) {
  while (count > 0) {
    if (stop != nullptr) throw_if_set(*stop);
    wait.look_up();
    const ssize_t got = recv(descriptor_, to, count, MSG_DONTWAIT);
    if (got > 0) {
      to += got;
      count -= static_cast<std::size_t>(got);
    } else if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
      return Heard::kClosed;
    } else if (wait.is_over()) {
      return Heard::kTimeout;
    } else {
      wait_for(descriptor_, POLLIN);
    }
  }
  return Heard::kMessage;
}

Heard WorkerChannel::receive(Message& message, WorkerWait& wait, const std::atomic<bool>* stop) {
  Header header{};
  Heard heard = read_fully(reinterpret_cast<char*>(&header), sizeof(header), wait, stop);
  if (heard != Heard::kMessage) return heard;
  if (header.magic != kMagic || header.bytes > kMostBytes) return Heard::kGarbled;
  message.say = header.say;
  message.body.resize(header.bytes);
  return read_fully(message.body.data(), message.body.size(), wait, stop);
}

}  // namespace deepgemm::autotune
