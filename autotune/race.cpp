#include "autotune/race.h"

#include <algorithm>

#include "autotune/statistics.h"

namespace deepgemm::autotune {

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
  std::vector<Runner*> order;
  for (Runner& runner : runners_) {
    if (runner.racing) order.push_back(&runner);
  }
  if (order.empty()) return true;
  // Each round starts with another contender, so that no one always runs behind the same one.
  const auto shift = static_cast<std::size_t>(rounds_done_) % order.size();
  std::rotate(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(shift), order.end());
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
