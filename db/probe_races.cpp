#include "db/probe_races.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <set>

namespace deepgemm::db {
namespace {

using core::Contender;
using core::Outcome;
using std::chrono::milliseconds;

// A kernel that is wrong or ends its process at one m must not serve another one either.
bool is_unsound(Outcome outcome) {
  return outcome == Outcome::kWrong ||
         std::ranges::find(core::kQuarantining, outcome) != core::kQuarantining.end();
}

// Of "2026-01-01T12:30:00.125Z"; 0 of what is no such time.
milliseconds time_of(const std::string& recorded_at) {
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int thousandth = 0;
  if (std::sscanf(recorded_at.c_str(), "%d-%d-%dT%d:%d:%d.%dZ", &year, &month, &day, &hour, &minute,
                  &second, &thousandth) != 7) {
    return milliseconds(0);
  }
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  return std::chrono::sys_days(date).time_since_epoch() + std::chrono::hours(hour) +
         std::chrono::minutes(minute) + std::chrono::seconds(second) + milliseconds(thousandth);
}

// Tells where one race at an m ends and the next begins. The times of a race are stored together;
// versions before that stored one after the other, within a second, which no race takes from its
// begin to its end with the call around it.
class Races {
 public:
  // Whether this time, which follows those before, is the first of another race.
  bool begins_with(const TrialRow& row) {
    constexpr milliseconds kLongest(1000);
    const milliseconds now = time_of(row.recorded_at);
    const bool is_new = now - last_ > kLongest || seen_.contains(row.trial.kernel_key);
    if (is_new) seen_.clear();
    seen_.insert(row.trial.kernel_key);
    last_ = now;
    return is_new;
  }

 private:
  std::set<std::string> seen_;
  milliseconds last_{0};
};

void forget_times(ProbedPoint& point) {
  const auto is_time = [](const TrialRow& row) { return row.trial.outcome == Outcome::kMeasured; };
  std::erase_if(point.newest, [&](const auto& each) { return is_time(*each.second); });
  if (point.fallback != nullptr && is_time(*point.fallback)) point.fallback = nullptr;
}

}  // namespace

double ProbedPoint::time_us(const std::string& key) const {
  const auto found = newest.find(key);
  const bool measured = found != newest.end() && found->second->trial.outcome == Outcome::kMeasured;
  return measured ? found->second->trial.measurement.median_us : 0;
}

const TrialRow* ProbedPoint::fastest_but(const std::string& key) const {
  const TrialRow* best = nullptr;
  for (const auto& [each, row] : newest) {
    if (each == key || !(time_us(each) > 0)) continue;
    if (best == nullptr || time_us(each) < time_us(best->trial.kernel_key)) best = row;
  }
  return best;
}

// Of probes: a tune of one of these m's is another session, whose times are not comparable.
ProbeRaces probe_races(std::span<const TrialRow> trials, const core::Environment& environment) {
  ProbeRaces found;
  std::map<std::int64_t, Races> races;  // by m
  for (const TrialRow& each : trials) {
    const core::Trial& trial = each.trial;
    if (!core::agree(each.environment, environment) || !core::is_probe(trial)) continue;
    if (trial.outcome == Outcome::kVerified) continue;  // nothing was raced yet
    ProbedPoint& point = found.points[trial.problem.m];
    const bool is_time = trial.outcome == Outcome::kMeasured;
    if (is_time && races[trial.problem.m].begins_with(each)) forget_times(point);
    point.newest[trial.kernel_key] = &each;
    if (trial.contender == Contender::kDefault) point.fallback = &each;
    if (is_unsound(trial.outcome)) found.unsound.emplace(trial.kernel_key, &each);
  }
  return found;
}

}  // namespace deepgemm::db
