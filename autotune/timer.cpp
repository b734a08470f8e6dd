#include "autotune/timer.h"

#include <cupti.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <utility>

#include "core/dynamic_library.h"
#include "core/error.h"

namespace deepgemm::autotune {
namespace {

#define DEEPGEMM_CUPTI_FUNCTIONS(X) \
  X(cuptiActivityRegisterCallbacks) \
  X(cuptiActivityEnable)            \
  X(cuptiActivityDisable)           \
  X(cuptiActivityFlushAll)          \
  X(cuptiActivityGetNextRecord)     \
  X(cuptiActivityGetNumDroppedRecords)

struct Cupti {
#define DEEPGEMM_FUNCTION(name) decltype(&::name) name = nullptr;
  DEEPGEMM_CUPTI_FUNCTIONS(DEEPGEMM_FUNCTION)
#undef DEEPGEMM_FUNCTION
};

constexpr const char* kNextStep =
    "Install the CUDA toolkit (or the Python package nvidia-cuda-cupti) and point CUDA_HOME at "
    "it; do not run under a profiler.";

const Cupti& cupti() {
  static const Cupti loaded = [] {
    static const core::DynamicLibrary library({"libcupti.so.13", "libcupti.so.12", "libcupti.so"},
                                              "CUPTI, which measures the device time of kernels,",
                                              kNextStep);
    Cupti functions;
#define DEEPGEMM_FUNCTION(name) library.bind(functions.name, #name);
    DEEPGEMM_CUPTI_FUNCTIONS(DEEPGEMM_FUNCTION)
#undef DEEPGEMM_FUNCTION
    return functions;
  }();
  return loaded;
}

void check(CUptiResult result, const char* action) {
  if (result == CUPTI_SUCCESS) return;
  throw core::EnvironmentError(
      std::string("CUPTI failed in ") + action + " with result " + std::to_string(result),
      kNextStep);
}

// What ends a sample: a fill of so many bytes, which nobody else asks for.
constexpr std::size_t kMarkBytes = 4093;

enum class Work { kKernel, kFlush, kMark };

// One piece of work as the GPU stamped it, nanoseconds.
struct Record {
  std::uint64_t start;
  std::uint64_t end;
  Work work;
};

// CUPTI's callbacks carry no user pointer and may come from a thread of its own.
std::mutex records_mutex;
std::vector<Record> records;

constexpr std::size_t kBufferBytes = 1 << 20;

void CUPTIAPI provide_buffer(std::uint8_t** buffer, std::size_t* size, std::size_t* max_records) {
  *buffer = static_cast<std::uint8_t*>(std::aligned_alloc(8, kBufferBytes));
  *size = *buffer == nullptr ? 0 : kBufferBytes;
  *max_records = 0;
}

void CUPTIAPI take_buffer(CUcontext, std::uint32_t, std::uint8_t* buffer, std::size_t,
                          std::size_t valid_bytes) {
  const std::lock_guard lock(records_mutex);
  CUpti_Activity* record = nullptr;
  while (cupti().cuptiActivityGetNextRecord(buffer, valid_bytes, &record) == CUPTI_SUCCESS) {
    if (record->kind == CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL) {
      const auto* kernel = reinterpret_cast<const CUpti_ActivityKernel9*>(record);
      records.push_back({kernel->start, kernel->end, Work::kKernel});
    } else if (record->kind == CUPTI_ACTIVITY_KIND_MEMSET) {
      const auto* fill = reinterpret_cast<const CUpti_ActivityMemset4*>(record);
      if (fill->bytes == Timer::kFlushBytes) {
        records.push_back({fill->start, fill->end, Work::kFlush});
      } else if (fill->bytes == kMarkBytes) {
        records.push_back({fill->start, fill->end, Work::kMark});
      }
    }
  }
  std::free(buffer);
}

// The kernels between a flush and the mark behind it are one sample.
std::vector<double> timed_spans(std::vector<Record> found, std::size_t expected) {
  std::sort(found.begin(), found.end(),
            [](const Record& a, const Record& b) { return a.start < b.start; });
  std::vector<double> spans;
  std::uint64_t first_start = 0;
  std::uint64_t last_end = 0;
  bool timed = false;
  for (const Record& record : found) {
    switch (record.work) {
      case Work::kFlush:
        first_start = last_end = 0;
        timed = true;
        break;
      case Work::kKernel:
        if (!timed) break;
        if (last_end == 0) first_start = record.start;
        last_end = std::max(last_end, record.end);
        break;
      case Work::kMark:
        if (last_end != 0) spans.push_back(static_cast<double>(last_end - first_start) * 1e-3);
        first_start = last_end = 0;
        timed = false;
        break;
    }
  }
  if (spans.size() != expected) {
    throw core::EnvironmentError("CUPTI reported " + std::to_string(spans.size()) +
                                     " timed launches instead of " + std::to_string(expected),
                                 "Run again; do not run under a profiler.");
  }
  return spans;
}

}  // namespace

struct Timer::State {
  explicit State(const core::Stream& s) : stream(s), flush(kFlushBytes) {}
  const core::Stream& stream;
  core::DeviceBuffer flush;
};

Timer::Timer(const core::Stream& stream) : state_(std::make_unique<State>(stream)) {
  check(cupti().cuptiActivityRegisterCallbacks(provide_buffer, take_buffer), "registering");
  check(cupti().cuptiActivityEnable(CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL), "watching kernels");
  check(cupti().cuptiActivityEnable(CUPTI_ACTIVITY_KIND_MEMSET), "watching fills");
}

Timer::~Timer() {
  cupti().cuptiActivityDisable(CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL);
  cupti().cuptiActivityDisable(CUPTI_ACTIVITY_KIND_MEMSET);
}

std::vector<double> Timer::sample(std::span<const Launch> launches) {
  const auto drain = [] {
    check(cupti().cuptiActivityFlushAll(CUPTI_ACTIVITY_FLAG_FLUSH_FORCED), "reading records");
    const std::lock_guard lock(records_mutex);
    return std::exchange(records, {});
  };
  state_->stream.synchronize();
  static_cast<void>(drain());
  for (const Launch& launch : launches) {
    if (launch.code_warm) launch.enqueue();
    state_->stream.fill(state_->flush.data(), 0xa5, kFlushBytes);
    launch.enqueue();
    state_->stream.fill(state_->flush.data(), 0xa5, kMarkBytes);
  }
  state_->stream.synchronize();
  return timed_spans(drain(), launches.size());
}

std::string Timer::policy() {
  return "CUPTI kernel records, code warm, 512 MB fill before each sample";
}

}  // namespace deepgemm::autotune
