// Which m share a row: decided by what it costs to run one m with the kernel of another. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace deepgemm::db {

// Times of some kernels at some m, for one n and k. At every m at least one was measured.
struct TransferTimes {
  std::vector<std::int64_t> points;           // the m's, ascending
  std::vector<std::vector<double>> times_us;  // [kernel][point]; 0: not measured there
};

// Kernel `kernel` serves the points `first` to `last`, both included.
struct CoverRow {
  std::size_t kernel = 0;
  std::size_t first = 0;
  std::size_t last = 0;
  double worst_cost = 0;  // over its points
};

// What kernel `kernel` takes at a point over the fastest kernel there, less 1; infinite where it
// was not measured.
double transfer_cost(const TransferTimes& times, std::size_t kernel, std::size_t point);

// The fewest rows in which every point costs at most `max_cost` (0.03: 3 %); of as many rows, those
// that cost least over all points (as a product). Every point, not 95 % of all m: that share would
// leave the m below 410 of 8192 to chance, where decoding lives, and nothing for m between points.
// With max_cost 0 each point has its fastest kernel.
std::vector<CoverRow> cover(const TransferTimes& times, double max_cost);

// The cost that 95 % of all m up to the last point stay below, where a point stands for all m above
// the one before it.
double cost_p95(const TransferTimes& times, const std::vector<CoverRow>& rows);

}  // namespace deepgemm::db
