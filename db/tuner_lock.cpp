#include "db/tuner_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>

#include "core/error.h"

namespace deepgemm::db {
namespace {

constexpr std::string_view kInspectorMark = "inspector ";

std::string content(int descriptor) {
  char text[64] = {};
  const ssize_t length = pread(descriptor, text, sizeof text - 1, 0);
  return std::string(text, length < 0 ? 0 : static_cast<std::size_t>(length));
}

std::string holder(const std::string& content) {
  long process = 0;
  if (std::sscanf(content.c_str(), "%ld", &process) != 1) return "another tuner";
  return "another tuner (process " + std::to_string(process) + ")";
}

// How much longer a tuner waits for who wrote this into the file.
class Patience {
 public:
  bool waits_for(const std::string& content) const {
    if (content.starts_with(kInspectorMark)) return waited() < std::chrono::seconds(10);
    // Between locking and writing.
    return content.empty() && waited() < std::chrono::milliseconds(200);
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::duration waited() const { return Clock::now() - start_; }
  Clock::time_point start_ = Clock::now();
};

// The holder removes its file before it lets go, so a lock on a file that is no longer at `path`
// protects nothing.
bool is_still_at(const std::filesystem::path& path, int descriptor) {
  struct stat opened {};
  struct stat found {};
  return fstat(descriptor, &opened) == 0 && stat(path.c_str(), &found) == 0 &&
         opened.st_dev == found.st_dev && opened.st_ino == found.st_ino;
}

[[noreturn]] void throw_unlockable(const std::filesystem::path& path, int error) {
  throw core::EnvironmentError(
      path.string() + " cannot be created and locked (" + std::strerror(error) + ")",
      "Make its folder writable, or pass --db FILE on a local disk you may write to.");
}

}  // namespace

TunerLock::TunerLock(const std::filesystem::path& database, LockHolder who) : path_(database) {
  path_ += ".lock";
  const Patience patience;
  while (true) {
    // Close-on-exec: a worker process must not keep the lock of a tuner that was killed.
    descriptor_ = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (descriptor_ < 0) throw_unlockable(path_, errno);
    if (flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
      const int error = errno;
      const std::string said = content(descriptor_);
      close(descriptor_);
      if (error == EINTR) continue;
      if (error != EWOULDBLOCK) throw_unlockable(path_, error);
      if (who == LockHolder::kTuner && patience.waits_for(said)) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        continue;
      }
      throw core::EnvironmentError(database.string() + " is held by " + holder(said),
                                   "Wait until it is done, or tune into another --db FILE.");
    }
    if (is_still_at(path_, descriptor_)) break;
    close(descriptor_);
  }
  // Only for who finds it held: a lock file that could not be written still locks.
  const bool inspects = who == LockHolder::kInspector;
  if (ftruncate(descriptor_, 0) == 0) {
    dprintf(descriptor_, "%s%ld\n", inspects ? kInspectorMark.data() : "",
            static_cast<long>(getpid()));
  }
}

TunerLock::~TunerLock() {
  unlink(path_.c_str());
  close(descriptor_);
}

}  // namespace deepgemm::db
