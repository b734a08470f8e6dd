// Interleaved rounds over contenders on a workbench.
#pragma once

#include <atomic>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "autotune/executor.h"
#include "autotune/interrupt.h"

namespace deepgemm::autotune {

class Race {
 public:
  Race(Workbench& bench, const std::atomic<bool>& stop) : bench_(bench), stop_(stop) {}

  // Index of an admitted contender in this race.
  std::size_t enter(int id);
  void leave(std::size_t index) { runners_[index].racing = false; }
  bool racing(std::size_t index) const { return runners_[index].racing; }

  // Runs until `rounds` more rounds counted or the deadline passed. Rounds under thermal or
  // hardware slow-down do not count, until there were kMostRejected of them: a GPU that never
  // leaves slow-down still gets its answer. Throws Interrupted.
  void run(int rounds, const Deadline& deadline = {});

  // Who ended a round since the last call, by index; they race no more.
  struct Fallen {
    std::size_t index;
    core::Outcome outcome;
    std::string detail;
  };
  std::vector<Fallen> take_fallen() { return std::exchange(fallen_, {}); }

  int rounds_done() const { return rounds_done_; }
  // Whether a round under slow-down counted.
  bool took_slowed() const { return took_slowed_; }
  core::Measurement measurement(std::size_t index) const;

  static constexpr int kMostRejected = 60;

 private:
  struct Runner {
    int id;
    bool racing = true;
    std::vector<double> samples_us;
    std::vector<double> clocks_mhz;
    int rejected = 0;
  };

  bool run_one();  // whether it counted

  Workbench& bench_;
  const std::atomic<bool>& stop_;
  std::vector<Runner> runners_;
  int rounds_done_ = 0;
  int rejected_ = 0;
  bool took_slowed_ = false;
  std::vector<Fallen> fallen_;
};

}  // namespace deepgemm::autotune
