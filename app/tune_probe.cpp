#include "app/tune_probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "app/figures.h"
#include "app/text.h"
#include "app/time_left.h"
#include "autotune/cost_model.h"
#include "autotune/interrupt.h"
#include "autotune/probe.h"
#include "core/default_config.h"
#include "core/key.h"
#include "db/probe_races.h"
#include "db/row_choice.h"

namespace deepgemm::app {

namespace {

core::GemmProblem at_m(core::GemmProblem problem, std::int64_t m) {
  problem.m = m;
  return problem;
}

// One n and k: where its winners were tuned, and the m's at which kernels meet.
struct ProbedShapes {
  core::GemmProblem any_m;
  std::vector<std::int64_t> tuned;        // ascending
  std::vector<core::GemmConfig> winners;  // parallel to tuned
  std::vector<std::int64_t> points;
};

std::vector<core::GemmProblem> families_of(const TuneRequest& request) {
  std::map<decltype(core::order(core::GemmProblem{})), core::GemmProblem> families;
  for (const auto& problem : request.problems) {
    const core::GemmProblem any_m = at_m(problem, 1);
    families.emplace(core::order(any_m), any_m);
  }
  std::vector<core::GemmProblem> list;
  for (const auto& [order, any_m] : families) list.push_back(any_m);
  return list;
}

ProbedShapes shapes_of(const core::GemmProblem& any_m, const TuneSession& session) {
  ProbedShapes shapes{any_m, {}, {}, {}};
  const auto winners = session.database->winners();
  for (const auto* row : db::best_rows(winners, session.environment)) {
    const bool is_of = at_m(row->winner.problem, 1) == any_m && row->winner.rows.empty() &&
                       core::agree(row->environment, session.environment);
    if (!is_of) continue;
    shapes.tuned.push_back(row->winner.problem.m);
    shapes.winners.push_back(row->winner.config);
  }
  if (shapes.tuned.empty()) return shapes;
  const auto grid = autotune::probe_points(shapes.tuned.back());
  std::ranges::set_union(grid, shapes.tuned, std::back_inserter(shapes.points));
  return shapes;
}

void add_once(std::vector<core::GemmConfig>& list, const core::GemmConfig& config) {
  if (std::ranges::find(list, config) == list.end()) list.push_back(config);
}

// What ran right at any tuned m: at an m between two of them another one may be the best, which no
// tuned m chose.
std::vector<core::GemmConfig> candidates_of(const ProbedShapes& shapes,
                                            const TuneSession& session) {
  std::vector<core::GemmConfig> candidates;
  std::set<std::string> seen;
  for (const auto& row : session.database->trials_of_any_m(shapes.any_m)) {
    const core::Trial& trial = row.trial;
    // Probes would add to what the next call has to probe.
    if (core::is_probe(trial) || !core::agree(row.environment, session.environment)) continue;
    const bool ran = is_ours(trial.contender) && trial.outcome == core::Outcome::kMeasured;
    if (ran && seen.insert(core::to_string(trial.config)).second) {
      candidates.push_back(trial.config);
    }
  }
  return candidates;
}

// All winners, and the untuned default of every point: its formula counts waves of blocks, so it
// changes where the best kernel does.
std::vector<core::GemmConfig> pool_of(const ProbedShapes& shapes, const core::DeviceInfo& device) {
  std::vector<core::GemmConfig> pool;
  for (const auto& winner : shapes.winners) add_once(pool, winner);
  for (const auto m : shapes.points) {
    add_once(pool, core::default_config(at_m(shapes.any_m, m), device));
  }
  return pool;
}

enum class Probed { kKnown, kMeasured, kOutOfTime };

class Prober {
 public:
  Prober(const TuneRequest& request, TuneSession& session, const ProbedShapes& shapes,
         const autotune::Deadline& deadline, const std::atomic<bool>& stop)
      : request_(request),
        session_(session),
        shapes_(shapes),
        deadline_(deadline),
        stop_(stop),
        model_(session.device),
        pool_(pool_of(shapes, session.device)),
        candidates_(candidates_of(shapes, session)) {
    if (!request.options.force) {
      for (const auto& config : session.database->quarantined(session.environment)) bar(config);
    }
  }

  // What is still in the compiler's queue passes through it without being built.
  ~Prober() { *cancelled_ = true; }

  std::size_t kernels() const { return pool_.size(); }

  Probed probe(std::int64_t m) {
    const core::GemmProblem problem = at_m(shapes_.any_m, m);
    const core::GemmConfig fallback = core::default_config(problem, session_.device);
    const auto entrants = entrants_of(problem, fallback);
    if (!request_.options.force && is_known(problem, entrants)) return Probed::kKnown;
    if (!compile(entrants)) return Probed::kOutOfTime;
    std::vector<autotune::Returning> kernels;
    for (const auto& config : entrants) {
      const auto contender =
          config == fallback ? core::Contender::kDefault : core::Contender::kCandidate;
      const auto& cubin = cubins_.at(session_.builder.kernels->key(config));
      if (cubin) kernels.push_back({contender, &*cubin});
    }
    const std::map<std::string, core::Verification> checked = checked_before(problem);
    autotune::ProbeBook book;
    book.checked = [&checked](const std::string& key) {
      const auto found = checked.find(key);
      return found == checked.end() ? nullptr : &found->second;
    };
    book.record = [this](std::span<const core::Trial> trials) {
      session_.database->record(trials, session_.environment);
      for (const core::Trial& trial : trials) {
        const bool is_bad =
            std::ranges::find(core::kQuarantining, trial.outcome) != core::kQuarantining.end();
        if (is_bad) bar(trial.config);
      }
    };
    try {
      autotune::probe(*session_.gpus.front().executor, problem, kernels, {}, stop_, deadline_,
                      book);
    } catch (const autotune::OutOfTime&) {
      return Probed::kOutOfTime;  // times of fewer rounds are not comparable with those of others
    }
    return Probed::kMeasured;
  }

 private:
  // By key: what an earlier call checked and did not come to time.
  std::map<std::string, core::Verification> checked_before(const core::GemmProblem& problem) const {
    std::map<std::string, core::Verification> checked;
    if (request_.options.force) return checked;
    for (const core::Trial& each : session_.database->trials(problem, session_.environment)) {
      const bool is_check = core::is_probe(each) && each.outcome == core::Outcome::kVerified;
      if (is_check) checked.emplace(each.kernel_key, each.verification);
    }
    return checked;
  }

  // Of a config that ended the process that ran it: it runs at no other m.
  void bar(const core::GemmConfig& config) {
    barred_.push_back(config);
    std::erase(candidates_, config);
  }

  // The default, the winners of the tuned m's on either side, and who else has a chance by the
  // model: of the other winners all, of the candidates a few. Nobody that is barred.
  std::vector<core::GemmConfig> entrants_of(const core::GemmProblem& problem,
                                            const core::GemmConfig& fallback) const {
    constexpr double kHopeless = 1.35;
    std::vector<core::GemmConfig> entrants;
    const auto above = std::ranges::lower_bound(shapes_.tuned, problem.m) - shapes_.tuned.begin();
    for (const auto place : {above, above - 1}) {
      if (place >= 0 && place < std::ssize(shapes_.winners)) {
        add_once(entrants, shapes_.winners[static_cast<std::size_t>(place)]);
      }
    }
    std::vector<double> predicted;
    for (const auto& config : pool_) predicted.push_back(model_.predict(problem, config).total_us);
    const double least = *std::ranges::min_element(predicted);
    for (std::size_t i = 0; i < pool_.size(); ++i) {
      if (predicted[i] <= kHopeless * least) add_once(entrants, pool_[i]);
    }
    for (const auto m : points_around(problem.m)) {
      for (const auto& config : promising(at_m(problem, m))) add_once(entrants, config);
    }
    add_once(entrants, fallback);
    std::erase_if(entrants, [&](const core::GemmConfig& each) {
      return std::ranges::find(barred_, each) != barred_.end();
    });
    return entrants;
  }

  // The point itself and those beside it: a kernel can serve an interval only where it was raced on
  // all of its points.
  std::vector<std::int64_t> points_around(std::int64_t m) const {
    constexpr std::ptrdiff_t kReach = 2;
    const auto& points = shapes_.points;
    const auto at = std::ranges::lower_bound(points, m) - points.begin();
    const auto first = std::max<std::ptrdiff_t>(at - kReach, 0);
    const auto end = std::min<std::ptrdiff_t>(at + kReach + 1, std::ssize(points));
    return {points.begin() + first, points.begin() + end};
  }

  // The candidates that the model expects most of at this m.
  std::vector<core::GemmConfig> promising(const core::GemmProblem& problem) const {
    constexpr std::size_t kMost = 5;
    std::vector<std::pair<double, const core::GemmConfig*>> ranked;
    for (const auto& config : candidates_) {
      ranked.emplace_back(model_.predict(problem, config).total_us, &config);
    }
    std::ranges::stable_sort(ranked, {}, [](const auto& each) { return each.first; });
    std::vector<core::GemmConfig> best;
    for (std::size_t i = 0; i < std::min(ranked.size(), kMost); ++i) {
      best.push_back(*ranked[i].second);
    }
    return best;
  }

  // By one race: export takes no times of several.
  bool is_known(const core::GemmProblem& problem,
                const std::vector<core::GemmConfig>& entrants) const {
    const auto trials = session_.database->all_trials(problem);
    const auto races = db::probe_races(trials, session_.environment);
    const auto point = races.points.find(problem.m);
    if (point == races.points.end()) return false;
    return std::ranges::all_of(entrants, [&](const auto& config) {
      return std::ranges::any_of(point->second.newest, [&](const auto& each) {
        return each.second->trial.config == config;
      });
    });
  }

  // Fills `cubins_` with what is stored, else compiled now, side by side; nullopt where the
  // compiler refuses it. False where the budget ends first.
  bool compile(const std::vector<core::GemmConfig>& configs) {
    std::vector<std::pair<std::string, std::future<core::BuildResult>>> builds;
    for (const auto& config : configs) {
      const std::string key = session_.builder.kernels->key(config);
      if (cubins_.contains(key)) continue;
      if (auto stored = session_.database->cubin(key)) {
        cubins_.emplace(key, std::move(stored));
      } else {
        builds.emplace_back(key, session_.pool->submit(config, cancelled_));
      }
    }
    for (auto& [key, build] : builds) {
      if (!autotune::wait_for_result(build, stop_, deadline_)) return false;
      std::optional<core::Cubin> cubin = build.get().cubin;
      if (cubin) session_.database->record(*cubin);
      cubins_.emplace(key, std::move(cubin));
    }
    return true;
  }

  const TuneRequest& request_;
  TuneSession& session_;
  const ProbedShapes& shapes_;
  const autotune::Deadline& deadline_;
  const std::atomic<bool>& stop_;
  std::shared_ptr<std::atomic<bool>> cancelled_ = std::make_shared<std::atomic<bool>>(false);
  autotune::CostModel model_;
  std::vector<core::GemmConfig> pool_;
  std::vector<core::GemmConfig> candidates_;
  std::vector<core::GemmConfig> barred_;
  std::map<std::string, std::optional<core::Cubin>> cubins_;  // by key
};

}  // namespace

void probe_families(const TuneRequest& request, TuneSession& session, Terminal& terminal,
                    spdlog::logger& log, const autotune::Deadline& deadline,
                    const std::atomic<bool>& stop) {
  for (const auto& any_m : families_of(request)) {
    const ProbedShapes shapes = shapes_of(any_m, session);
    if (shapes.points.empty()) continue;
    Prober prober(request, session, shapes, deadline, stop);
    const TimeLeft left(shapes.points.size());
    std::size_t measured = 0;
    for (std::size_t i = 0; i < shapes.points.size(); ++i) {
      autotune::throw_if_set(stop);
      terminal.progress(fmt::format("[{}/{}] {} probe{}", i + 1, shapes.points.size(),
                                    to_string(at_m(any_m, shapes.points[i])), left.text(i)));
      const Probed probed = deadline.passed() ? Probed::kOutOfTime : prober.probe(shapes.points[i]);
      if (probed == Probed::kOutOfTime) {
        log.warn("The budget ran out before all winners were probed; the same command goes on.");
        return;
      }
      measured += probed == Probed::kMeasured ? 1 : 0;
    }
    terminal.milestone(fmt::format(
        "{}: {} raced at {} m, {} of them now; deepgemm-db export merges rows by their "
        "costs",
        core::family_text(any_m), counted(static_cast<long long>(prober.kernels()), "kernel"),
        shapes.points.size(), measured));
  }
}

}  // namespace deepgemm::app
