#include "app/tune_probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "app/text.h"
#include "app/time_left.h"
#include "autotune/interrupt.h"
#include "autotune/probe.h"
#include "core/default_config.h"
#include "db/probed_family.h"
#include "db/row_choice.h"

namespace deepgemm::app {

namespace {

core::GemmProblem at_m(core::GemmProblem problem, std::int64_t m) {
  problem.m = m;
  return problem;
}

// One n and k: the kernels that won somewhere, and the m's at which they meet.
struct ProbedShapes {
  core::GemmProblem any_m;
  std::vector<core::Cubin> winners;
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
  ProbedShapes shapes{any_m, {}, {}};
  std::set<std::string> keys;
  std::vector<std::int64_t> tuned;
  const auto winners = session.database->winners();
  for (const auto* row : db::best_rows(winners, session.environment.device_id)) {
    const core::Winner& winner = row->winner;
    if (at_m(winner.problem, 1) != any_m || row->environment != session.environment) continue;
    tuned.push_back(winner.problem.m);
    if (!keys.insert(winner.kernel_key).second) continue;
    if (auto cubin = session.database->cubin(winner.kernel_key)) {
      shapes.winners.push_back(*std::move(cubin));
    }
  }
  if (tuned.empty()) return shapes;
  const auto grid = autotune::probe_points(tuned.back());
  std::ranges::set_union(grid, tuned, std::back_inserter(shapes.points));
  return shapes;
}

class Prober {
 public:
  Prober(const TuneRequest& request, TuneSession& session, const std::atomic<bool>& stop)
      : request_(request), session_(session), stop_(stop) {}

  // Whether it had to be measured.
  bool probe(const ProbedShapes& shapes, std::int64_t m) {
    const core::GemmProblem problem = at_m(shapes.any_m, m);
    if (!request_.options.force && is_known(shapes, problem)) return false;
    std::vector<autotune::Returning> kernels;
    const core::GemmConfig wanted = core::default_config(problem, session_.device);
    const core::BuildResult fallback = session_.builder.kernels->build(wanted);
    for (const core::Cubin& winner : shapes.winners) {
      // The default is one trial, also where it won somewhere.
      if (winner.config != wanted) kernels.push_back({core::Contender::kCandidate, &winner});
    }
    if (fallback.cubin) kernels.push_back({core::Contender::kDefault, &*fallback.cubin});
    const auto trials = autotune::probe(*session_.executor, problem, kernels, {}, stop_);
    if (fallback.cubin) session_.database->record(*fallback.cubin);
    for (const auto& trial : trials) session_.database->record(trial, session_.environment);
    return true;
  }

 private:
  bool is_known(const ProbedShapes& shapes, const core::GemmProblem& problem) const {
    const auto trials = session_.database->all_trials(problem);
    const db::Tried tried = db::tried_at(trials, problem.m, session_.environment);
    return tried.has_default && std::ranges::all_of(shapes.winners, [&](const auto& winner) {
             return tried.kernels.contains(winner.key);
           });
  }

  const TuneRequest& request_;
  TuneSession& session_;
  const std::atomic<bool>& stop_;
};

}  // namespace

void probe_families(const TuneRequest& request, TuneSession& session, Terminal& terminal,
                    spdlog::logger& log, const std::function<bool()>& spent,
                    const std::atomic<bool>& stop) {
  Prober prober(request, session, stop);
  for (const auto& any_m : families_of(request)) {
    const ProbedShapes shapes = shapes_of(any_m, session);
    const TimeLeft left(shapes.points.size());
    std::size_t measured = 0;
    for (std::size_t i = 0; i < shapes.points.size(); ++i) {
      if (spent()) {
        log.warn("The budget ran out before all winners were probed; the same command goes on.");
        return;
      }
      autotune::throw_if_set(stop);
      terminal.progress(fmt::format("[{}/{}] {} probe{}", i + 1, shapes.points.size(),
                                    to_string(at_m(any_m, shapes.points[i])), left.text(i)));
      measured += prober.probe(shapes, shapes.points[i]) ? 1 : 0;
    }
    terminal.milestone(fmt::format(
        "{}x{}: {} raced at {} m, {} of them now; deepgemm-db export merges rows by their costs",
        any_m.n, any_m.k, counted(static_cast<long long>(shapes.winners.size()), "winner"),
        shapes.points.size(), measured));
  }
}

}  // namespace deepgemm::app
