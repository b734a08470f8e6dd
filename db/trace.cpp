#include "db/trace.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

namespace deepgemm::db {
namespace {

constexpr std::chrono::seconds kInterval{1};

// Fibonacci hashing spreads neighbouring extents over the table.
std::size_t hash(const core::GemmProblem& problem) {
  constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15;
  std::uint64_t mixed = static_cast<std::uint64_t>(problem.operation);
  for (const std::int64_t extent : {std::int64_t{problem.groups}, std::int64_t{problem.alignment},
                                    problem.m, problem.n, problem.k}) {
    mixed = (mixed ^ static_cast<std::uint64_t>(extent)) * kGolden;
    mixed ^= mixed >> 29;
  }
  return static_cast<std::size_t>(mixed % Trace::kCapacity);
}

}  // namespace

Trace::Trace(std::filesystem::path path) : path_(std::move(path)) {}

Trace::~Trace() { write(); }

void Trace::count(const core::GemmProblem& problem) noexcept {
  bool is_new = false;
  Entry* entry = entry_of(problem, is_new);
  if (entry == nullptr) {
    untold_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  entry->calls.fetch_add(1, std::memory_order_relaxed);
  if (!is_new) return;
  const std::unique_lock lock(writing_, std::try_to_lock);
  if (!lock || std::chrono::steady_clock::now() - last_write_ < kInterval) return;
  last_write_ = std::chrono::steady_clock::now();
  write_file();
}

Trace::Entry* Trace::entry_of(const core::GemmProblem& problem, bool& is_new) noexcept {
  const std::size_t start = hash(problem);
  for (std::size_t step = 0; step < kCapacity; ++step) {
    Entry& entry = entries_[(start + step) % kCapacity];
    int state = entry.state.load(std::memory_order_acquire);
    if (state == kFree && entry.state.compare_exchange_strong(state, kClaimed)) {
      entry.problem = problem;
      entry.state.store(kFilled, std::memory_order_release);
      is_new = true;
      return &entry;
    }
    // Another thread is between the two steps above.
    while (state != kFilled) {
      std::this_thread::yield();
      state = entry.state.load(std::memory_order_acquire);
    }
    if (entry.problem == problem) return &entry;
  }
  return nullptr;
}

void Trace::write() noexcept {
  const std::lock_guard lock(writing_);
  write_file();
}

void Trace::write_file() const noexcept {
  try {
    std::filesystem::path draft = path_;
    draft += ".part-" + std::to_string(getpid());
    std::ofstream file(draft);
    file << "op,groups,alignment,m,n,k,count\n";
    for (const Entry& entry : entries_) {
      if (entry.state.load(std::memory_order_acquire) != kFilled) continue;
      const core::GemmProblem& problem = entry.problem;
      file << core::name(problem.operation) << ',' << problem.groups << ',' << problem.alignment
           << ',' << problem.m << ',' << problem.n << ',' << problem.k << ','
           << entry.calls.load(std::memory_order_relaxed) << '\n';
    }
    if (const auto untold = untold_.load(std::memory_order_relaxed); untold > 0) {
      file << "# " << untold << " calls of further shapes: only " << kCapacity
           << " are told apart\n";
    }
    file.close();
    std::error_code ignored;
    if (file) std::filesystem::rename(draft, path_, ignored);
    std::filesystem::remove(draft, ignored);
  } catch (...) {
    // A full disk or a lack of memory: the program goes on without its trace.
  }
}

std::shared_ptr<Trace> process_trace() {
  static const std::shared_ptr<Trace> trace = []() -> std::shared_ptr<Trace> {
    const char* value = std::getenv("DEEPGEMM_TRACE");
    if (value == nullptr || *value == '\0') return nullptr;
    std::string path = value;
    const std::size_t place = path.find("%p");
    if (place != std::string::npos) path.replace(place, 2, std::to_string(getpid()));
    return std::make_shared<Trace>(path);
  }();
  return trace;
}

}  // namespace deepgemm::db
