#include "db/tuner_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "core/error.h"

namespace deepgemm::db {
namespace {

std::string holder(int descriptor) {
  char text[32] = {};
  const ssize_t length = pread(descriptor, text, sizeof text - 1, 0);
  long process = 0;
  if (length < 1 || std::sscanf(text, "%ld", &process) != 1) return "another tuner";
  return "another tuner (process " + std::to_string(process) + ")";
}

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

TunerLock::TunerLock(const std::filesystem::path& database) : path_(database) {
  path_ += ".lock";
  while (true) {
    // Close-on-exec: a worker process must not keep the lock of a tuner that was killed.
    descriptor_ = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (descriptor_ < 0) throw_unlockable(path_, errno);
    if (flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
      const int error = errno;
      const std::string who = holder(descriptor_);
      close(descriptor_);
      if (error == EINTR) continue;
      if (error != EWOULDBLOCK) throw_unlockable(path_, error);
      throw core::EnvironmentError(database.string() + " is held by " + who,
                                   "Wait until it is done, or tune into another --db FILE.");
    }
    if (is_still_at(path_, descriptor_)) break;
    close(descriptor_);
  }
  // Only for the message above: a lock file that could not be written still locks.
  if (ftruncate(descriptor_, 0) == 0) dprintf(descriptor_, "%ld\n", static_cast<long>(getpid()));
}

TunerLock::~TunerLock() {
  unlink(path_.c_str());
  close(descriptor_);
}

}  // namespace deepgemm::db
