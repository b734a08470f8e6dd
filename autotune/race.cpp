#include "autotune/race.h"

#include <algorithm>

#include "autotune/statistics.h"

namespace deepgemm::autotune {
namespace {

// The order in which `count` contenders run in a round. Over `count` rounds, or twice as many where
// count is odd, each runs behind each other one equally often within a round, and begins equally
// often: what a kernel leaves behind falls on all others alike. By E. J. Williams,
// "Experimental designs balanced for the estimation of residual effects of treatments", Australian
// Journal of Scientific Research A 2 (1949): neighbours of the first row 0, -1, 1, -2, 2, ...
// differ by each number once, and rows follow by counting up, modulo count. An odd count needs each
// row backwards, too.
std::vector<std::size_t> round_order(std::size_t count, std::size_t round) {
  const bool odd = count % 2 == 1;
  const std::size_t row = odd ? round / 2 : round;
  std::vector<std::size_t> order(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t first = i % 2 == 0 ? i / 2 : count - (i + 1) / 2;
    order[i] = (first + row) % count;
  }
  if (odd && round % 2 == 1) std::reverse(order.begin(), order.end());
  return order;
}

}  // namespace

std::size_t Race::enter(int id) {
  runners_.push_back({});
  runners_.back().id = id;
  return runners_.size() - 1;
}

void Race::run(int rounds, const Deadline& deadline) {
  for (int counted = 0; counted < rounds;) {
    throw_if_set(stop_);
    if (deadline.passed()) return;
    if (run_one()) ++counted;
  }
}

bool Race::run_one() {
  std::vector<Runner*> racing;
  for (Runner& runner : runners_) {
    if (runner.racing) racing.push_back(&runner);
  }
  if (racing.empty()) return true;
  std::vector<Runner*> order;
  for (const std::size_t at : round_order(racing.size(), static_cast<std::size_t>(rounds_done_))) {
    order.push_back(racing[at]);
  }
  std::vector<int> ids;
  for (const Runner* runner : order) ids.push_back(runner->id);

  const Round round = bench_.round(ids);
  if (round.casualty) {
    for (std::size_t i = 0; i < runners_.size(); ++i) {
      if (runners_[i].id != round.casualty->id || !runners_[i].racing) continue;
      runners_[i].racing = false;
      fallen_.push_back({i, round.casualty->outcome, round.casualty->detail});
    }
    return false;
  }
  if (round.slowed && rejected_ < kMostRejected) {
    ++rejected_;
    for (Runner* runner : order) ++runner->rejected;
    return false;
  }
  took_slowed_ = took_slowed_ || round.slowed;
  for (std::size_t i = 0; i < order.size(); ++i) {
    order[i]->samples_us.push_back(round.times_us.at(i));
    if (round.sm_clock_mhz > 0) order[i]->clocks_mhz.push_back(round.sm_clock_mhz);
  }
  ++rounds_done_;
  return true;
}

core::Measurement Race::measurement(std::size_t index) const {
  const Runner& runner = runners_[index];
  core::Measurement measurement = summarise(runner.samples_us);
  measurement.rejected_samples = runner.rejected;
  if (!runner.clocks_mhz.empty()) {
    measurement.sm_clock_mhz = static_cast<int>(median(runner.clocks_mhz));
  }
  return measurement;
}

}  // namespace deepgemm::autotune
