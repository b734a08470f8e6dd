#include "db/trace.h"

#include <unistd.h>

#include <bit>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

namespace deepgemm::db {
namespace {

// Fibonacci hashing spreads neighbouring extents over the table.
std::size_t hash(const core::GemmProblem& problem, std::size_t places) {
  constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15;
  std::uint64_t mixed = static_cast<std::uint64_t>(problem.operation);
  for (const std::int64_t extent : {std::int64_t{problem.groups}, std::int64_t{problem.alignment},
                                    problem.m, problem.n, problem.k}) {
    mixed = (mixed ^ static_cast<std::uint64_t>(extent)) * kGolden;
    mixed ^= mixed >> 29;
  }
  return static_cast<std::size_t>(mixed % places);
}

// Whether a count is worth saving: each up to 16, then each that has nothing but zeros behind its
// first four binary digits. Between two of them lies at most an eighth, so that the longer a
// program runs, the less often it writes.
bool is_milestone(std::uint64_t calls) {
  const std::uint64_t step = std::bit_floor(calls) >> 3;
  return step == 0 || (calls & (step - 1)) == 0;
}

// A runtime that nobody closes, as is usual where an interpreter ends, must cost no count.
class WriteAtExit {
 public:
  explicit WriteAtExit(Trace* trace) : trace_(trace) {}
  ~WriteAtExit() {
    if (trace_ != nullptr) trace_->write();
  }
  WriteAtExit(const WriteAtExit&) = delete;
  WriteAtExit& operator=(const WriteAtExit&) = delete;

 private:
  Trace* trace_;
};

}  // namespace

Trace::Trace(std::filesystem::path path, std::chrono::nanoseconds interval)
    : path_(std::move(path)), interval_(interval), owner_(getpid()) {}

Trace::~Trace() { write(); }

void Trace::count(const core::GemmProblem& problem) noexcept {
  if (Entry* const entry = entry_of(problem)) {
    if (is_milestone(entry->calls.fetch_add(1, std::memory_order_relaxed) + 1)) mark_unsaved();
  } else if (is_milestone(untold_.fetch_add(1, std::memory_order_relaxed) + 1)) {
    mark_unsaved();
  }
  if (unsaved_.load(std::memory_order_relaxed)) write_if_due();
}

// Read and written in one step, here and in save: so whoever takes the mark sees what all who set
// it did before.
void Trace::mark_unsaved() noexcept { unsaved_.exchange(true, std::memory_order_acq_rel); }

void Trace::write_if_due() noexcept {
  const auto now = std::chrono::steady_clock::now();
  if (now < due_.load(std::memory_order_relaxed)) return;
  const std::unique_lock lock(writing_, std::try_to_lock);
  // Another thread may have written since.
  if (!lock || now < due_.load(std::memory_order_relaxed) || getpid() != owner_) return;
  save();
}

Trace::Entry* Trace::entry_of(const core::GemmProblem& problem) noexcept {
  const std::size_t start = hash(problem, kPlaces);
  for (std::size_t step = 0; step < kPlaces; ++step) {
    Entry& entry = entries_[(start + step) % kPlaces];
    int state = entry.state.load(std::memory_order_acquire);
    // Threads that come here at once may take a few more than the capacity.
    if (state == kFree && taken_.load(std::memory_order_relaxed) >= kCapacity) return nullptr;
    if (state == kFree && entry.state.compare_exchange_strong(state, kClaimed)) {
      taken_.fetch_add(1, std::memory_order_relaxed);
      entry.problem = problem;
      entry.state.store(kFilled, std::memory_order_release);
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
  if (getpid() != owner_) return;  // before the lock, which a thread of the parent may have held
  const std::lock_guard lock(writing_);
  save();
}

void Trace::save() noexcept {
  // First: what is counted while the file is written is for the next one.
  unsaved_.exchange(false, std::memory_order_acq_rel);
  write_file();
  due_.store(std::chrono::steady_clock::now() + interval_, std::memory_order_relaxed);
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
      // A remark to whoever reads shapes; deepgemm-db coverage knows it.
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

Trace* process_trace() {
  static Trace* const trace = []() -> Trace* {
    const char* value = std::getenv("DEEPGEMM_TRACE");
    if (value == nullptr || *value == '\0') return nullptr;
    std::string path = value;
    const std::size_t place = path.find("%p");
    if (place != std::string::npos) path.replace(place, 2, std::to_string(getpid()));
    std::error_code error;
    const std::filesystem::path whole = std::filesystem::absolute(path, error);
    return new Trace(error ? std::filesystem::path(path) : whole);
  }();
  static const WriteAtExit writer(trace);
  return trace;
}

}  // namespace deepgemm::db
