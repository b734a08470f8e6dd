// What the commands share that measure stored kernels once more on this machine's GPU.
#pragma once

#include <spdlog/logger.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "app/hardware.h"
#include "app/output.h"
#include "autotune/interrupt.h"
#include "core/group_rows.h"
#include "core/trial.h"

namespace deepgemm::app {

// The part of a report that says how it came about.
struct MeasuredRun {
  std::vector<std::string> command;
  core::DeviceInfo device;
  core::Environment environment;
  std::string policy;
  bool interrupted = false;
  double seconds = 0;
};

// The GPU, to measure stored kernels on, which run in a worker process: one that faults or hangs
// costs no other row its verdict. The worker opens the GPU when a kernel is first prepared. Throws
// EnvironmentError, with the next step for a machine without one. `log` and `stop` must outlive it.
std::unique_ptr<autotune::Executor> open_gpu_to_check(const Hardware& hardware, int ordinal,
                                                      spdlog::logger& log,
                                                      const std::atomic<bool>& stop);

// Fills in where and how `executor` measures.
void describe(MeasuredRun& run, const autotune::Executor& executor);

// The rows that the winner was measured with. Throws UsageError where a newer deepgemm drew them.
core::GroupDraw draw_of(const core::Winner& winner);

// `measure(i)` gives line i of `count`. The report, a MeasuredRun with `lines` for which there is a
// render(), is delivered as far as it came: whole, or interrupted, or with what was measured before
// `measure` threw, which is then thrown on.
template <typename Report, typename Measure>
void measure_and_deliver(Report& report, std::size_t count, const Measure& measure, Format format,
                         std::span<const OutputFile> files) {
  const auto start = std::chrono::steady_clock::now();
  std::exception_ptr failure;
  try {
    for (std::size_t i = 0; i < count; ++i) report.lines.push_back(measure(i));
  } catch (const autotune::Interrupted&) {
    report.interrupted = true;
  } catch (const std::exception&) {
    failure = std::current_exception();
  }
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (!failure || !report.lines.empty()) {
    deliver([&](Format each) { return render(report, each); }, painted(format), files);
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace deepgemm::app
