// Kernels that exist run against each other again, without a search.
#pragma once

#include <atomic>
#include <span>
#include <vector>

#include "autotune/benchmark.h"

namespace deepgemm::autotune {

// A kernel that runs again, and as whom.
struct Returning {
  core::Contender contender;
  const core::Cubin* cubin;
};

// Admits and verifies all; one entry each, in their order, is added to `entries`. Returns the ids
// that they are ready under; -1, and the entry says why, where one cannot run. Throws Interrupted
// when `stop` is set.
std::vector<int> make_all_ready(Workbench& bench, std::span<const Returning> kernels,
                                const std::atomic<bool>& stop,
                                std::vector<BenchmarkEntry>& entries);

// Verifies all; those that are right take turns within each of `rounds` rounds, with the rows of
// `draw`. One entry each, in their order. Throws Interrupted when `stop` is set.
std::vector<BenchmarkEntry> rematch(Executor& executor, const core::GemmProblem& problem,
                                    const core::GroupDraw& draw, std::span<const Returning> kernels,
                                    int rounds, const std::atomic<bool>& stop);

}  // namespace deepgemm::autotune
