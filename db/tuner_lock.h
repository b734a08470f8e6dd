// One tuner at a time.
#pragma once

#include <filesystem>

namespace deepgemm::db {

// An inspector brings in what a killed tuner left, which takes a moment: a tuner that starts in it
// waits.
enum class LockHolder { kTuner, kInspector };

// Holds "<database>.lock" with flock(2), so it vanishes with the process, however that dies. The
// file names the holder; it is removed when the lock is given back.
class TunerLock {
 public:
  // Throws EnvironmentError where another process (named, if it can be told) holds it, or where
  // the lock file cannot be created.
  TunerLock(const std::filesystem::path& database, LockHolder who);
  ~TunerLock();
  TunerLock(const TunerLock&) = delete;
  TunerLock& operator=(const TunerLock&) = delete;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace deepgemm::db
