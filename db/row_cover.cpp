#include "db/row_cover.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

namespace deepgemm::db {
namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();

double fastest_at(const TransferTimes& times, std::size_t point) {
  double fastest = kInfinite;
  for (const std::vector<double>& kernel : times.times_us) {
    if (kernel[point] > 0) fastest = std::min(fastest, kernel[point]);
  }
  return fastest;
}

using Costs = std::vector<std::vector<double>>;  // [kernel][point]

Costs costs_of(const TransferTimes& times) {
  Costs costs(times.times_us.size(), std::vector<double>(times.points.size(), kInfinite));
  for (std::size_t point = 0; point < times.points.size(); ++point) {
    const double fastest = fastest_at(times, point);
    for (std::size_t kernel = 0; kernel < costs.size(); ++kernel) {
      const double time_us = times.times_us[kernel][point];
      if (time_us > 0) costs[kernel][point] = time_us / fastest - 1;
    }
  }
  return costs;
}

// The best way to cover all points before some point: how many rows, what they cost, and the row
// that ends there.
struct Way {
  std::size_t rows = std::numeric_limits<std::size_t>::max();
  double log_cost = 0;
  CoverRow last;

  bool is_better_than(const Way& other) const {
    return std::tie(rows, log_cost) < std::tie(other.rows, other.log_cost);
  }
};

// Continues `before` with a row of one kernel from `first` on, over one point more each time.
void extend(const std::vector<double>& costs, std::size_t kernel, std::size_t first,
            double max_cost, std::vector<Way>& ways) {
  Way way = ways[first];
  ++way.rows;
  way.last = {kernel, first, first, 0};
  for (std::size_t point = first; point < costs.size() && costs[point] <= max_cost; ++point) {
    way.log_cost += std::log1p(costs[point]);
    way.last.last = point;
    way.last.worst_cost = std::max(way.last.worst_cost, costs[point]);
    if (way.is_better_than(ways[point + 1])) ways[point + 1] = way;
  }
}

}  // namespace

double transfer_cost(const TransferTimes& times, std::size_t kernel, std::size_t point) {
  const double time_us = times.times_us[kernel][point];
  return time_us > 0 ? time_us / fastest_at(times, point) - 1 : kInfinite;
}

std::vector<CoverRow> cover(const TransferTimes& times, double max_cost) {
  const Costs costs = costs_of(times);
  std::vector<Way> ways(times.points.size() + 1);
  ways[0].rows = 0;
  for (std::size_t first = 0; first < times.points.size(); ++first) {
    for (std::size_t kernel = 0; kernel < costs.size(); ++kernel) {
      extend(costs[kernel], kernel, first, max_cost, ways);
    }
  }
  std::vector<CoverRow> rows;
  for (std::size_t end = times.points.size(); end > 0; end = rows.back().first) {
    rows.push_back(ways[end].last);
  }
  std::reverse(rows.begin(), rows.end());
  return rows;
}

double cost_p95(const TransferTimes& times, const std::vector<CoverRow>& rows) {
  std::vector<std::pair<double, std::int64_t>> shares;  // cost, how many m
  std::int64_t before = 0;
  std::int64_t all = 0;
  for (const CoverRow& row : rows) {
    for (std::size_t point = row.first; point <= row.last; ++point) {
      shares.emplace_back(transfer_cost(times, row.kernel, point), times.points[point] - before);
      before = times.points[point];
    }
  }
  for (const auto& [cost, count] : shares) all += count;
  std::sort(shares.begin(), shares.end());
  std::int64_t below = 0;
  for (const auto& [cost, count] : shares) {
    below += count;
    if (static_cast<double>(below) >= 0.95 * static_cast<double>(all)) return cost;
  }
  return 0;
}

}  // namespace deepgemm::db
