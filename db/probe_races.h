// What deepgemm-tune --probe found at each m of one n and k.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "db/tuning_db.h"

namespace deepgemm::db {

// What is known of the kernels at one m: times of the newest race alone, because only times of one
// race make a fair cost, and of who has none the newest failure. Points into the trials.
struct ProbedPoint {
  std::map<std::string, const TrialRow*> newest;  // by kernel key
  const TrialRow* fallback = nullptr;             // the untuned default's; null: no race's end

  // 0 of a kernel that was not measured in that race.
  double time_us(const std::string& key) const;
  // Of the measured kernels but that one; nullptr where there is none.
  const TrialRow* fastest_but(const std::string& key) const;
};

struct ProbeRaces {
  std::map<std::int64_t, ProbedPoint> points;      // by m
  std::map<std::string, const TrialRow*> unsound;  // the first such trial of each kernel, by key
};

// Of the probes among `trials`, the oldest first, in environments that agree with `environment`. A
// kernel that was wrong or ended its process in any race, also an older one, is unsound.
ProbeRaces probe_races(std::span<const TrialRow> trials, const core::Environment& environment);

}  // namespace deepgemm::db
