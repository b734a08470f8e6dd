#include "autotune/lineup.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <map>
#include <set>
#include <tuple>

#include "autotune/verdict.h"
#include "core/default_config.h"

namespace deepgemm::autotune {
namespace {

using core::Contender;
using core::Outcome;
using core::Trial;

// Places of an effort, and how many of them one family may take at first.
struct Places {
  std::size_t total;
  std::size_t per_family;
};

Places places(Effort effort, bool gpu) {
  switch (effort) {
    case Effort::kQuick:
      return gpu ? Places{12, 2} : Places{4, 1};
    case Effort::kDefault:
      return gpu ? Places{96, 8} : Places{12, 2};
    case Effort::kExhaustive:
      break;
  }
  return gpu ? Places{std::numeric_limits<std::size_t>::max(), 0} : Places{40, 4};
}

// An exhaustive search leaves out what the model puts beyond this multiple of its best.
constexpr double kHopeless = 2.0;
// Stored candidates that run again beside new ones.
constexpr std::size_t kVeterans = 3;
// Where nothing was decided, all do whose times are no further behind: what lies beyond, no luck of
// a heat explains.
constexpr double kContenderShare = 0.05;
// Configs of neighbouring rows that are tried whatever the model says.
constexpr std::size_t kNeighbours = 6;

using Family = std::tuple<int, int, int, int>;
Family family(const core::GemmConfig& c) {
  return {c.block_m, c.block_n, c.math_warpgroups, c.split_k};
}

// Within a family only these change what limits the kernel; the rest is fine tuning.
using Variant = std::tuple<int, int, int, int, int, int, int, int>;
Variant variant(const core::GemmConfig& c) {
  return {c.block_m,   c.block_n,          c.math_warpgroups, c.cluster_m,
          c.cluster_n, c.accumulator_sets, c.split_k,         c.l2_policy};
}

const Trial* find_stored(std::span<const Trial> stored, Contender contender,
                         const core::GemmConfig& config) {
  for (const Trial& each : stored) {
    if (each.contender == contender && each.config == config) return &each;
  }
  return nullptr;
}

bool contains(std::span<const core::GemmConfig> configs, const core::GemmConfig& config) {
  return std::ranges::find(configs, config) != configs.end();
}

bool was_measured(const Trial& trial) {
  return trial.outcome == Outcome::kMeasured && trial.measurement.median_us > 0;
}

// Of candidates by time, how many may be the fastest. One whose time looks too good does not make
// the others slow.
std::size_t count_contenders(std::span<const Trial* const> by_time) {
  const auto looks_right = [&](const Trial* each) {
    return why_suspicious(*each, by_time).empty();
  };
  const auto fastest = std::ranges::find_if(by_time, looks_right);
  if (fastest == by_time.end()) return by_time.size();
  const double bound_us = (1 + kContenderShare) * (*fastest)->measurement.median_us;
  const auto is_within = [&](const Trial* each) { return each->measurement.median_us <= bound_us; };
  return static_cast<std::size_t>(std::ranges::count_if(by_time, is_within));
}

// Configs that were measured in earlier calls and run again.
struct Veterans {
  std::vector<core::GemmConfig> first;  // before anything new, which meets them: the fastest first
  // Who else may be the fastest, where nothing was decided; whose time is oldest first, so that
  // calls that are all cut short come to everyone.
  std::vector<core::GemmConfig> last;
};

Veterans veterans_of(const Known& known, std::span<const core::GemmConfig> quarantined) {
  std::vector<const Trial*> by_time;
  for (const Trial& each : known.trials) {
    const bool may_run = was_measured(each) && !contains(quarantined, each.config);
    if (each.contender == Contender::kCandidate && may_run) by_time.push_back(&each);
  }
  std::ranges::stable_sort(by_time, {}, [](const Trial* t) { return t->measurement.median_us; });
  const std::size_t contenders = known.decided ? 0 : count_contenders(by_time);
  Veterans found;
  std::vector<const Trial*> others;
  for (std::size_t i = 0; i < by_time.size(); ++i) {
    // Who was chosen was so in a race of its own, whatever the medians of others in theirs.
    const bool leads = i < kVeterans || contains(known.chosen, by_time[i]->config);
    if (leads) {
      found.first.push_back(by_time[i]->config);
    } else if (i < contenders) {
      others.push_back(by_time[i]);
    }
  }
  std::ranges::sort(others);  // as they are known: by age
  for (const Trial* each : others) found.last.push_back(each->config);
  return found;
}

// A config that is tried because of a winner.
struct Proposal {
  core::GemmConfig config;
  const core::Winner* winner;
  bool from_elsewhere;
};

// Winners and runners-up of the nearest m, nearest first, that this problem can run.
std::vector<Proposal> proposed_by(const Proposers& proposers, const core::GemmProblem& problem,
                                  const Ranker& ranker) {
  std::vector<Proposal> nearest;
  for (const auto& [winners, from_elsewhere] :
       {std::pair(proposers.here, false), std::pair(proposers.elsewhere, true)}) {
    for (const core::Winner& each : winners) {
      if (each.measured) nearest.push_back({each.config, &each, from_elsewhere});
    }
  }
  const auto distance = [&](const Proposal& each) {
    return std::abs(
        std::log(static_cast<double>(each.winner->problem.m) / static_cast<double>(problem.m)));
  };
  std::stable_sort(nearest.begin(), nearest.end(),
                   [&](const Proposal& a, const Proposal& b) { return distance(a) < distance(b); });
  std::vector<Proposal> proposals;
  const auto propose = [&](const Proposal& wanted) {
    const auto same = [&](const Proposal& each) { return each.config == wanted.config; };
    if (proposals.size() == kNeighbours || std::ranges::any_of(proposals, same)) return;
    if (breaks_law(wanted.config, ranker.device, problem.operation)) return;
    if (ranker.space != nullptr && !ranker.space->allows(wanted.config)) return;
    proposals.push_back(wanted);
  };
  for (Proposal each : nearest) {
    propose(each);
    each.config = each.winner->runner_up_config;
    if (each.winner->runner_up_us > 0) propose(each);
  }
  return proposals;
}

// Whether the default runs, beside whatever is new.
bool default_runs(const Lineup& lineup, const Known& known, bool gpu) {
  const Trial* stored_default =
      find_stored(known.trials, Contender::kDefault, lineup.fallback.config);
  // Failures are not tried again, and a prediction does not change.
  const bool default_stands = stored_default != nullptr && (!gpu || !was_measured(*stored_default));
  return !default_stands && !contains(lineup.quarantined, lineup.fallback.config);
}

}  // namespace

std::vector<RankedCandidate> cut(std::span<const RankedCandidate> ranked, Effort effort, bool gpu) {
  if (ranked.empty()) return {};
  const Places places = autotune::places(effort, gpu);
  if (places.per_family == 0) {
    const double bound = kHopeless * ranked.front().prediction.total_us;
    const auto end = std::find_if(ranked.begin(), ranked.end(), [&](const RankedCandidate& each) {
      return each.prediction.total_us > bound;
    });
    return {ranked.begin(), end};
  }
  // First passes over the ranking: new variants of families with room, then anything of families
  // with room, then anything.
  std::vector<bool> taken(ranked.size(), false);
  std::size_t count = 0;
  std::map<Family, std::size_t> in_family;
  std::map<Variant, std::size_t> in_variant;
  for (int pass = 0; pass < 3; ++pass) {
    for (std::size_t i = 0; i < ranked.size() && count < places.total; ++i) {
      const core::GemmConfig& config = ranked[i].config;
      if (taken[i]) continue;
      if (pass < 2 && in_family[family(config)] >= places.per_family) continue;
      if (pass < 1 && in_variant[variant(config)] > 0) continue;
      taken[i] = true;
      ++count;
      ++in_family[family(config)];
      ++in_variant[variant(config)];
    }
  }
  std::vector<RankedCandidate> chosen;
  for (std::size_t i = 0; i < ranked.size(); ++i) {
    if (taken[i]) chosen.push_back(ranked[i]);
  }
  return chosen;
}

Lineup line_up(const core::GemmProblem& problem, const Plan& plan, const Ranker& ranker,
               Effort effort, Known known, const Proposers& proposers, bool gpu) {
  std::vector<Trial>& stored = known.trials;
  Lineup lineup;
  const auto untimed = [](const Trial& each) { return each.outcome == Outcome::kVerified; };
  if (gpu) std::ranges::copy_if(stored, std::back_inserter(lineup.verified), untimed);
  std::erase_if(stored, untimed);
  // A prediction answers nothing where there is a GPU to ask.
  if (gpu) std::erase_if(stored, [](const Trial& t) { return t.outcome == Outcome::kPredicted; });

  const auto& [device, model, quarantined, space] = ranker;
  lineup.quarantined.assign(quarantined.begin(), quarantined.end());
  lineup.fallback.config = core::default_config(problem, device);
  lineup.fallback.prediction = model.predict(problem, lineup.fallback.config);
  std::vector<RankedCandidate> fresh;
  for (const RankedCandidate& each : cut(plan.ranked, effort, gpu)) {
    if (each.config == lineup.fallback.config) continue;
    if (find_stored(stored, Contender::kCandidate, each.config) != nullptr) continue;
    if (contains(quarantined, each.config)) {
      ++lineup.left_out;
    } else {
      fresh.push_back(each);
    }
  }
  const Trial* stored_default = find_stored(stored, Contender::kDefault, lineup.fallback.config);
  const bool default_left_out =
      stored_default == nullptr && contains(quarantined, lineup.fallback.config);
  if (default_left_out) ++lineup.left_out;
  lineup.answered = fresh.empty() && (stored_default != nullptr || default_left_out);
  const Veterans veterans = gpu ? veterans_of(known, quarantined) : Veterans();
  std::vector<RankedCandidate>& list = lineup.answered ? lineup.rerun : lineup.start;
  const auto add_to_list = [&](const std::vector<core::GemmConfig>& configs) {
    for (const core::GemmConfig& each : configs) {
      list.push_back({each, model.predict(problem, each)});
    }
  };
  if (default_runs(lineup, known, gpu)) list.push_back(lineup.fallback);
  add_to_list(veterans.first);
  if (!known.decided) {
    lineup.undecided = veterans.first;
    lineup.undecided.insert(lineup.undecided.end(), veterans.last.begin(), veterans.last.end());
  }
  if (lineup.answered) {
    add_to_list(veterans.last);
    lineup.known = std::move(stored);
    return lineup;
  }
  std::set<const core::Winner*> seeds;
  for (const Proposal& each : proposed_by(proposers, problem, ranker)) {
    const core::GemmConfig& config = each.config;
    const bool stands = config == lineup.fallback.config || contains(quarantined, config) ||
                        find_stored(stored, Contender::kCandidate, config) != nullptr;
    if (!stands) lineup.start.push_back({config, model.predict(problem, config)});
    if (!stands && each.from_elsewhere) seeds.insert(each.winner);
    std::erase_if(fresh, [&](const RankedCandidate& other) { return other.config == config; });
  }
  lineup.seeds = static_cast<int>(seeds.size());
  lineup.start.insert(lineup.start.end(), fresh.begin(), fresh.end());
  add_to_list(veterans.last);
  lineup.known = std::move(stored);
  return lineup;
}

}  // namespace deepgemm::autotune
