// Which problems a program asks for, and how often, as a csv file that deepgemm-db coverage reads.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>

#include "core/problem.h"

namespace deepgemm::db {

// Counting is lock-free and allocates nothing. The file is written beside its name and renamed:
// when a new problem appears, at most once a second, and when the trace goes. What cannot be
// written is given up: a trace must not break the program it watches.
class Trace {
 public:
  // Distinct problems that are told apart; calls of further ones are only counted.
  static constexpr std::size_t kCapacity = 4096;

  explicit Trace(std::filesystem::path path);
  ~Trace();
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  void count(const core::GemmProblem& problem) noexcept;
  void write() noexcept;

 private:
  enum State : int { kFree, kClaimed, kFilled };
  struct Entry {
    std::atomic<int> state = kFree;
    core::GemmProblem problem;
    std::atomic<std::uint64_t> calls = 0;
  };

  void write_file() const noexcept;  // with writing_ held

  // The problem's entry; nullptr where all are taken by others. `is_new` where this call made it.
  Entry* entry_of(const core::GemmProblem& problem, bool& is_new) noexcept;

  std::filesystem::path path_;
  std::array<Entry, kCapacity> entries_;
  std::atomic<std::uint64_t> untold_ = 0;
  std::mutex writing_;
  std::chrono::steady_clock::time_point last_write_{};  // guarded by writing_
};

// The trace of this process, for all runtimes together: the file that DEEPGEMM_TRACE names, where
// %p stands for the process number. nullptr where it is not set.
std::shared_ptr<Trace> process_trace();

}  // namespace deepgemm::db
