#include "db/row_cover.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <random>

namespace deepgemm::db {
namespace {

using Shape = std::vector<std::vector<std::size_t>>;  // kernel, first, last

Shape shape_of(const std::vector<CoverRow>& rows) {
  Shape shape;
  for (const CoverRow& row : rows) shape.push_back({row.kernel, row.first, row.last});
  return shape;
}

// Two kernels: one for small m that gets slow, one for large m that is slow below.
TransferTimes two_kernels() {
  return {{16, 64, 128, 256, 512}, {{10, 10, 10.2, 12, 20}, {12, 10.5, 10, 10, 18}}};
}

TEST(RowCover, TheBoundaryLiesWhereTheCostsCross) {
  EXPECT_EQ(shape_of(cover(two_kernels(), 0.03)), (Shape{{0, 0, 1}, {1, 2, 4}}));
}

TEST(RowCover, OneRowServesAllWhereThatIsCheapEnough) {
  const std::vector<CoverRow> rows = cover(two_kernels(), 0.2);
  ASSERT_EQ(rows.size(), 1u);
  // Kernel 0 would cost 2 %, 20 % and 11 %; kernel 1 20 % and 5 %.
  EXPECT_EQ(rows[0].kernel, 1u);
  EXPECT_NEAR(rows[0].worst_cost, 0.2, 1e-9);
}

TEST(RowCover, WithoutToleranceEachPointHasItsFastest) {
  EXPECT_EQ(shape_of(cover(two_kernels(), 0)), (Shape{{0, 0, 1}, {1, 2, 4}}));
  const TransferTimes zigzag{{1, 2, 3}, {{1, 2, 1}, {2, 1, 2}}};
  EXPECT_EQ(cover(zigzag, 0).size(), 3u);
}

TEST(RowCover, AKernelServesOnlyWhereItWasMeasured) {
  const TransferTimes times{{1, 2, 3}, {{10, 0, 10}, {10.2, 10.2, 0}}};
  EXPECT_EQ(shape_of(cover(times, 0.03)), (Shape{{1, 0, 1}, {0, 2, 2}}));
}

TEST(RowCover, TheShareCountsEveryMNotEveryPoint) {
  // The costly point stands for 4 of 100 m, then for 6.
  EXPECT_EQ(cost_p95({{4, 100}, {{11, 10}, {10, 12}}}, {{0, 0, 1, 0.1}}), 0);
  EXPECT_NEAR(cost_p95({{6, 100}, {{11, 10}, {10, 12}}}, {{0, 0, 1, 0.1}}), 0.1, 1e-9);
}

// Every way to cut the points into rows, by brute force.
std::pair<std::size_t, double> best_by_trying(const TransferTimes& times, double max_cost) {
  const std::size_t points = times.points.size();
  std::pair<std::size_t, double> best{points + 1, 0};
  for (unsigned cuts = 0; cuts < 1u << (points - 1); ++cuts) {
    double log_cost = 0;
    for (std::size_t first = 0; first < points;) {
      std::size_t last = first;
      while (last + 1 < points && (cuts >> last & 1) == 0) ++last;
      double cheapest = INFINITY;
      for (std::size_t kernel = 0; kernel < times.times_us.size(); ++kernel) {
        double sum = 0;
        for (std::size_t point = first; point <= last; ++point) {
          const double cost = transfer_cost(times, kernel, point);
          sum += cost <= max_cost ? std::log1p(cost) : INFINITY;
        }
        cheapest = std::min(cheapest, sum);
      }
      log_cost += cheapest;
      first = last + 1;
    }
    const auto rows = static_cast<std::size_t>(std::popcount(cuts)) + 1;
    if (log_cost < INFINITY) best = std::min(best, {rows, log_cost});
  }
  return best;
}

TEST(RowCover, NoOtherWayHasFewerRowsOrCostsLess) {
  std::mt19937 random(3);
  std::uniform_real_distribution<double> time_us(10, 10.8);
  for (int round = 0; round < 200; ++round) {
    TransferTimes times;
    for (std::int64_t point = 1; point <= 9; ++point) times.points.push_back(point);
    for (int kernel = 0; kernel < 4; ++kernel) {
      times.times_us.emplace_back();
      for (int point = 0; point < 9; ++point) {
        const bool measured = kernel == 0 || random() % 6 != 0;
        times.times_us.back().push_back(measured ? time_us(random) : 0);
      }
    }
    const auto [rows, log_cost] = best_by_trying(times, 0.03);
    const std::vector<CoverRow> found = cover(times, 0.03);
    EXPECT_EQ(found.size(), rows) << round;
    double sum = 0;
    for (const CoverRow& row : found) {
      for (std::size_t point = row.first; point <= row.last; ++point) {
        sum += std::log1p(transfer_cost(times, row.kernel, point));
      }
    }
    EXPECT_NEAR(sum, log_cost, 1e-9) << round;
    EXPECT_LE(cost_p95(times, found), 0.03);
  }
}

}  // namespace
}  // namespace deepgemm::db
