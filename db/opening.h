// How a database is opened: for reading beside a tuner, for tuning, and after a tuner that was
// killed.
#pragma once

#include <SQLiteCpp/Database.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "db/sqlite_errors.h"

namespace deepgemm::db {

// Throws EnvironmentError where it cannot be made.
void create_folder_of(const std::filesystem::path& path);

// The log lies beside the file that a symbolic link names, and so must the lock.
std::filesystem::path behind_links(const std::filesystem::path& path);

// Retries what a tuner that is opening or closing the file leaves behind for an instant; `read`
// takes the number of attempts before.
template <class Read>
auto patiently(const std::filesystem::path& path, Read read) {
  constexpr int kAttempts = 20;
  for (int attempt = 0;; ++attempt) {
    try {
      return read(attempt);
    } catch (const SQLite::Exception& error) {
      if (attempt + 1 == kAttempts || !is_transient(error)) rethrow(error, path);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
  }
}

// Read-only; as TuningDb says of kReadOnly.
SQLite::Database open_reader(const std::filesystem::path& path);

// What lies in the journals of a tuner that was killed is in no reader's reach until somebody who
// may write recovers it. Where another tuner holds the file, or it cannot be written, nothing is
// done; nor where the log's database is not there: opening it would make an empty one, to which the
// log would not belong, and SQLite would throw it away.
void recover_if_left(const std::filesystem::path& path);

// For who holds the lock; as TuningDb says of kTune.
SQLite::Database open_tuner(const std::filesystem::path& path);

}  // namespace deepgemm::db
