// Which problems a program asks for, and how often, as a csv file that deepgemm-db coverage reads.
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <mutex>

#include "core/problem.h"

namespace deepgemm::db {

// Counting is lock-free and allocates nothing. The file is written beside its name and renamed, so
// that whoever reads it, after whatever end of the program, reads a whole one. It is written when
// the trace goes and, because a program may be killed, by a call that finds something worth saving
// which is not in it: a new problem, or a count that grew by an eighth. At most once an interval:
// what comes sooner waits for a later call, whichever that is. What cannot be written is given up:
// a trace must not break the program it watches. A forked child counts in a copy, which it never
// writes: the file is its parent's.
class Trace {
 public:
  // Distinct problems that are told apart; calls of further ones are only counted.
  static constexpr std::size_t kCapacity = 4096;

  explicit Trace(std::filesystem::path path,
                 std::chrono::nanoseconds interval = std::chrono::seconds(1));
  ~Trace();
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  // Reads the clock, and now and then writes the file, only while there is something to save.
  void count(const core::GemmProblem& problem) noexcept;
  void write() noexcept;

 private:
  // At most half of them are taken, so that a search, also one in vain, soon meets a free one.
  static constexpr std::size_t kPlaces = 2 * kCapacity;

  enum State : int { kFree, kClaimed, kFilled };
  struct Entry {
    std::atomic<int> state = kFree;
    core::GemmProblem problem;
    std::atomic<std::uint64_t> calls = 0;
  };

  void mark_unsaved() noexcept;
  void write_if_due() noexcept;
  void save() noexcept;              // with writing_ held
  void write_file() const noexcept;  // likewise

  // The problem's entry; nullptr where all are taken by others.
  Entry* entry_of(const core::GemmProblem& problem) noexcept;

  std::filesystem::path path_;
  std::chrono::nanoseconds interval_;
  pid_t owner_;
  std::array<Entry, kPlaces> entries_;
  std::atomic<std::size_t> taken_ = 0;
  std::atomic<std::uint64_t> untold_ = 0;
  std::atomic<bool> unsaved_ = false;
  std::atomic<std::chrono::steady_clock::time_point> due_{};  // not before that the next writing
  std::mutex writing_;
};

// The trace of this process, for all runtimes together: the file that DEEPGEMM_TRACE names, where
// %p stands for the process number and a relative path is meant from the folder of the first call.
// nullptr where it is not set. Never destroyed, as threads may count while the process ends, but
// written when it exits.
Trace* process_trace();

}  // namespace deepgemm::db
