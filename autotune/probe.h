// What does it cost to run one m with the kernel that was tuned for another? Races kernels that
// exist, without a search.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "autotune/executor.h"
#include "autotune/recheck.h"

namespace deepgemm::autotune {

struct ProbeOptions {
  int first_rounds = 7;  // of everyone
  int more_rounds = 14;  // of those that are close to the fastest by then
  double close = 0.10;
};

// The m at which kernels for one n and k are worth comparing, from 1 to `largest`, ascending: 1, 2,
// 4, 8, then every 8th to 64, every 64th to 2048 and every 128th beyond, because times jump where a
// row of tiles begins; but every second one beyond 64 lies a bit below that, as most m do.
std::vector<std::int64_t> probe_points(std::int64_t largest);

// What is known of kernels before a probe, and where goes what it finds out.
struct ProbeBook {
  // The check of a kernel, by its key, that an earlier call did not come to time; null: none.
  std::function<const core::Verification*(const std::string& key)> checked = nullptr;
  // Called with each trial as soon as anything is known of it: failed, or checked (kVerified). In
  // the end once with all that were measured, because their times make sense together only.
  std::function<void(std::span<const core::Trial>)> record = nullptr;
};

// Verifies all kernels on `problem` and races those that are right; one trial each, in their order.
// Groups have the usual rows: those are what a bundle serves. Throws Interrupted when `stop` is
// set, and OutOfTime where the deadline passes before all rounds are done.
std::vector<core::Trial> probe(Executor& executor, const core::GemmProblem& problem,
                               std::span<const Returning> kernels, const ProbeOptions& options,
                               const std::atomic<bool>& stop, const Deadline& deadline = {},
                               const ProbeBook& book = {});

}  // namespace deepgemm::autotune
