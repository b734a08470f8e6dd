#include "db/probed_family.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include "core/key.h"
#include "db/probe_races.h"
#include "db/row_cover.h"

namespace deepgemm::db {
namespace {

// One family under consideration.
class Family {
 public:
  Family(std::span<const WinnerRow* const> rows, ProbeRaces races,
         const std::function<bool(const std::string&)>& has_kernel)
      : rows_(rows), points_(std::move(races.points)), unsound_(std::move(races.unsound)) {
    std::erase_if(points_, [&](const auto& each) { return !is_raced(each.first, each.second); });
    collect_kernels(has_kernel);
    std::erase_if(points_, [&](const auto& each) { return !is_served(each.second); });
  }

  // Of the first tuned row that the races do not tell enough of, as a clause; empty where there is
  // none.
  std::string why_not() const {
    for (const WinnerRow* row : rows_) {
      if (std::string why = why_not(row->winner); !why.empty()) return why;
    }
    return "";
  }
  bool was_probed() const { return !points_.empty() || !unsound_.empty(); }

  Merging merge(double max_cost) const {
    const TransferTimes times = table();
    const std::vector<CoverRow> cover_rows = cover(times, max_cost);
    Merging merging;
    merging.points = points_.size();
    merging.p95 = cost_p95(times, cover_rows);
    for (const CoverRow& row : cover_rows) merging.rows.push_back(row_for(row, times));
    return merging;
  }

 private:
  std::string why_not(const core::Winner& winner) const {
    constexpr const char* kProbe = "; run deepgemm-tune --probe on these shapes";
    const std::string m = std::to_string(winner.problem.m);
    const std::string& key = winner.kernel_key;
    if (const auto found = unsound_.find(key); found != unsound_.end()) {
      return unsoundness("the winner of m = " + m, found->second->trial);
    }
    const auto point = points_.find(winner.problem.m);
    if (point == points_.end()) return "nothing was raced at m = " + m + kProbe;
    if (point->second.time_us(key) > 0) return "";
    if (!point->second.newest.contains(key)) {
      return "the winner of m = " + m + " is newer than the probe" + kProbe;
    }
    return unsoundness("the winner of m = " + m, point->second.newest.at(key)->trial);
  }

  static std::string unsoundness(const std::string& winner, const core::Trial& trial) {
    return winner + " has the outcome '" + std::string(core::name(trial.outcome)) +
           "' in the probe of m = " + std::to_string(trial.problem.m);
  }

  // The default runs in every race, so without it none came to its end.
  bool is_raced(std::int64_t m, const ProbedPoint& point) const {
    return m <= rows_.back()->winner.problem.m && point.fallback != nullptr;
  }

  bool is_served(const ProbedPoint& point) const {
    return std::any_of(kernels_.begin(), kernels_.end(),
                       [&](const std::string& key) { return point.time_us(key) > 0; });
  }

  // In the fixed order of configs.
  void collect_kernels(const std::function<bool(const std::string&)>& has_kernel) {
    std::map<std::string, core::GemmConfig> configs;
    for (const auto& [m, point] : points_) {
      for (const auto& [key, row] : point.newest) configs[key] = row->trial.config;
    }
    for (const auto& [key, config] : configs) {
      if (has_kernel(key) && !unsound_.contains(key)) kernels_.push_back(key);
    }
    std::stable_sort(kernels_.begin(), kernels_.end(),
                     [&](const std::string& a, const std::string& b) {
                       return core::ordered_before(configs.at(a), configs.at(b));
                     });
  }

  TransferTimes table() const {
    TransferTimes times;
    times.times_us.resize(kernels_.size());
    for (const auto& [m, point] : points_) {
      times.points.push_back(m);
      for (std::size_t i = 0; i < kernels_.size(); ++i) {
        times.times_us[i].push_back(point.time_us(kernels_[i]));
      }
    }
    return times;
  }

  // The tuned row where the same kernel won there, else one that says what it rests on.
  WinnerRow row_for(const CoverRow& cover_row, const TransferTimes& times) const {
    const std::int64_t m = times.points[cover_row.last];
    const ProbedPoint& point = points_.at(m);
    const TrialRow& trial = *point.newest.at(kernels_[cover_row.kernel]);
    WinnerRow row;
    for (const WinnerRow* tuned : rows_) {
      if (tuned->winner.problem.m != m) continue;
      if (tuned->winner.kernel_key == trial.trial.kernel_key) return *tuned;
      // Nothing else: what that row says of its race and of its search is of another kernel.
      row.winner.cublaslt_block_us = tuned->winner.cublaslt_block_us;
      row.winner.cublaslt_tensorwide_us = tuned->winner.cublaslt_tensorwide_us;
    }
    row.environment = trial.environment;
    row.recorded_at = trial.recorded_at;
    core::Winner& winner = row.winner;
    winner.problem = trial.trial.problem;
    winner.config = trial.trial.config;
    winner.kernel_key = trial.trial.kernel_key;
    winner.measured = true;
    const core::Measurement& measured = trial.trial.measurement;
    winner.median_us = measured.median_us;
    winner.spread_us = measured.spread_us;
    winner.samples = static_cast<int>(measured.samples_us.size());
    winner.ci_low_us = measured.ci_low_us;
    winner.ci_high_us = measured.ci_high_us;
    winner.sm_clock_mhz = measured.sm_clock_mhz;
    if (const TrialRow* second = point.fastest_but(winner.kernel_key)) {
      winner.runner_up_config = second->trial.config;
      winner.runner_up_us = second->trial.measurement.median_us;
    }
    winner.default_config = point.fallback->trial.config;
    winner.default_us = point.fallback->trial.measurement.median_us;
    winner.trials = static_cast<int>(kernels_.size());
    const std::int64_t from = cover_row.first == 0 ? 1 : times.points[cover_row.first - 1] + 1;
    char range[128];
    std::snprintf(range, sizeof range,
                  "%lld to %lld at most %.1f %% behind the fastest of %zu kernels",
                  static_cast<long long>(from), static_cast<long long>(m),
                  100 * cover_row.worst_cost, kernels_.size());
    winner.reason = std::string(core::kServes) + range;
    return row;
  }

  std::span<const WinnerRow* const> rows_;
  std::map<std::int64_t, ProbedPoint> points_;
  std::map<std::string, const TrialRow*> unsound_;
  std::vector<std::string> kernels_;
};

}  // namespace

std::optional<Merging> merge_rows(std::span<const WinnerRow* const> rows,
                                  std::span<const TrialRow> trials,
                                  const std::function<bool(const std::string&)>& has_kernel,
                                  double max_cost, std::string& why_not) {
  why_not.clear();
  const WinnerRow& first = *rows.front();
  core::Environment environment = first.environment;
  const auto stranger = std::ranges::find_if(rows, [&environment](const WinnerRow* row) {
    return !row->winner.measured || !core::unite(environment, row->environment);
  });
  const Family family(rows, probe_races(trials, environment), has_kernel);
  if (!family.was_probed()) return std::nullopt;
  const std::string what = core::family_text(first.winner.problem);
  if (stranger != rows.end()) {
    why_not = "the rows of " + what + " stay as they were tuned, because m = " +
              std::to_string((*stranger)->winner.problem.m) + " was tuned in another environment";
    return std::nullopt;
  }
  const auto unusual =
      std::ranges::find_if(rows, [](const WinnerRow* row) { return !row->winner.rows.empty(); });
  if (unusual != rows.end()) {
    why_not = "the rows of " + what + " stay as they were tuned, because m = " +
              std::to_string((*unusual)->winner.problem.m) + " was tuned for " +
              (*unusual)->winner.rows;
    return std::nullopt;
  }
  if (const std::string why = family.why_not(); !why.empty()) {
    why_not = "the rows of " + what + " stay as they were tuned, because " + why;
    return std::nullopt;
  }
  return family.merge(max_cost);
}

}  // namespace deepgemm::db
