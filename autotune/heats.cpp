#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "autotune/calibration.h"
#include "autotune/dense_bits.h"
#include "autotune/stages.h"
#include "autotune/statistics.h"
#include "autotune/verdict.h"

namespace deepgemm::autotune {
namespace {

using core::Contender;
using core::Outcome;
using core::Trial;

// Candidates of one heat: few enough that an interrupt loses little and the GPU soon has work, many
// enough that the default, which runs in every heat, costs little.
constexpr std::size_t kHeatSize = 16;
// Who stays on the workbench between heats, and how far behind the best it may be: what lies
// beyond, no luck of a heat explains.
constexpr std::size_t kKept = 24;
constexpr double kKeptShare = 1.02;
constexpr std::size_t kAlwaysKept = 2;  // so that a winner has a runner-up

// One round tells two kernels apart to 2.4 % (standard deviation, on an H100), 25 to half a
// percent: until then nobody is halved away, for the fastest of all was among those.
constexpr StoppingOptions kHeatRule{.batch = 5,
                                    .min_rounds = 25,
                                    .max_rounds = 45,
                                    .precision = 0.005,
                                    .finalists = 8,
                                    .halving_from = 25};
// What the first answer of a budget takes.
constexpr StoppingOptions kAloneRule{.min_rounds = 15, .max_rounds = 15};

class Heats {
 public:
  // A winner that is stored is a usable answer.
  explicit Heats(TuneContext& context) : context_(context), dense_bits_(context) {
    const auto stored = context_.stored_winner();
    if (stored && stored->measured) obey_budget();
  }

  std::vector<Entrant> run() {
    run_all(context_.lineup.start);
    if (lacks_undecided()) context_.final_cut = true;
    const std::vector<RankedCandidate> more = second_look();
    if (!more.empty()) run_all(more);
    return std::move(entrants_);
  }

 private:
  void run_all(const std::vector<RankedCandidate>& list) {
    all_ += list.size();
    Entries entries(context_, list);
    if (const auto look_ahead = std::exchange(context_.look_ahead, nullptr)) look_ahead();
    while (entries.has_next() && !context_.budget_ran_out) {
      const std::size_t first = entrants_.size();
      while (entries.has_next() && entrants_.size() < first + kHeatSize) {
        if (!take_next(entries)) break;
      }
      reject_differing_bits();
      race_from(first);
      keep_best();
    }
  }

  // Whether the budget ended before all of those ran.
  bool lacks_undecided() const {
    const auto has_run = [this](const core::GemmConfig& config) {
      return std::ranges::any_of(entrants_, [&](const Entrant& each) {
        const bool ended = each.trial.outcome != Outcome::kMeasured || each.race >= 0;
        return ended && each.trial.config == config;
      });
    };
    return !std::ranges::all_of(context_.lineup.undecided, has_run);
  }

  // Where this GPU's rates turn out to be others than those that ranked: the best by the fitted
  // ones that were not among those tried. One heat; what a rerun must try stays.
  std::vector<RankedCandidate> second_look() {
    std::vector<RankedCandidate> more;
    // A calibration is fitted to expected rows, not to those that somebody wants measured.
    if (!context_.plan.rows.empty()) return more;
    const std::optional<core::Calibration> fitted = context_.calibrator.learn(evidence());
    if (!fitted) return more;
    const auto stored = context_.store.calibration(context_.environment);
    // What an earlier call learned of more problems knows better than this call's first few.
    if (stored && stored->problems > fitted->problems) return more;
    if (stored != fitted) context_.store.record(*fitted, context_.environment);
    // Where all was tried, the final is what is missing.
    if (context_.budget_ran_out || context_.lineup.answered) return more;
    const bool as_ranked =
        fitted->memory == context_.rates.memory && fitted->math == context_.rates.math;
    if (as_ranked || context_.options.effort == Effort::kExhaustive) return more;
    context_.observer.note(
        fmt::format("this GPU's memory runs at {:.2f} and its math at {:.2f} of what the model "
                    "assumes; what it ranks best then is tried, too",
                    fitted->memory, fitted->math));
    const CostModel model(calibrated(context_.device, *fitted), context_.plan.rows);
    std::vector<std::pair<double, const RankedCandidate*>> ranked;
    for (const RankedCandidate& each : context_.plan.ranked) {
      if (!was_tried(each.config)) {
        ranked.emplace_back(model.predict(context_.problem, each.config).total_us, &each);
      }
    }
    const std::size_t count = std::min(ranked.size(), kHeatSize);
    std::partial_sort(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(count),
                      ranked.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (std::size_t i = 0; i < count; ++i) more.push_back(*ranked[i].second);
    return more;
  }

  // What is measured of this problem, in earlier calls, too: those may have ended after a few.
  std::vector<const Trial*> evidence() const {
    std::vector<const Trial*> trials;
    for (const Entrant& each : entrants_) trials.push_back(&each.trial);
    for (const Trial& each : context_.lineup.known) {
      const auto is_of = [&](const Trial& now) {
        return now.contender == each.contender && now.config == each.config;
      };
      if (!std::ranges::any_of(entrants_, is_of, &Entrant::trial)) trials.push_back(&each);
    }
    return trials;
  }

  // Or must not be.
  bool was_tried(const core::GemmConfig& config) const {
    const auto is_of = [&](const Trial& each) { return each.config == config; };
    const Lineup& lineup = context_.lineup;
    return std::ranges::any_of(entrants_, is_of, &Entrant::trial) ||
           std::ranges::any_of(lineup.known, is_of) ||
           std::ranges::find(lineup.quarantined, config) != lineup.quarantined.end();
  }

  // Until there is a usable answer the last moment counts.
  void obey_budget() {
    has_answer_ = true;
    if (context_.bench) context_.bench->end_by(context_.deadline, context_.last_moment);
  }

  bool say_out_of_time() {
    context_.budget_ran_out = true;
    context_.observer.note(
        fmt::format("the budget ends with {} of {} kernels tried", entrants_.size(), all_));
    return false;
  }

  bool verify_in_time(Entrant& entrant) {
    const std::vector<Trial>& before = context_.lineup.verified;
    const auto known = std::ranges::find_if(before, [&](const Trial& each) {
      return each.config == entrant.trial.config && each.kernel_key == entrant.trial.kernel_key;
    });
    if (known == before.end()) context_.observer.check(entrant.trial);
    try {
      verify(*context_.bench, entrant, known == before.end() ? nullptr : &*known);
      if (known == before.end() && entrant.id >= 0) record_check(entrant.trial);
      // The first answer runs alone anyway.
      const bool runs_beside = has_answer_ && entrant.id >= 0;
      if (context_.deadline.is_set() && runs_beside) run_alone(entrant);
      return true;
    } catch (const OutOfTime&) {
      return false;
    }
  }

  // A budget may end a round before it can be told who of many hangs in it, and the next call would
  // come no further. Alone it can always be told.
  void run_alone(Entrant& entrant) {
    Round round = context_.bench->round({{entrant.id}});
    if (!round.casualty) return;
    entrant.id = -1;
    entrant.cubin.reset();
    entrant.trial.outcome = round.casualty->outcome;
    entrant.trial.detail = std::move(round.casualty->detail);
  }

  // Its heat may be long in coming: a tuner that is killed until then loses no check. What has a
  // time stored keeps that as its newest row until there is another one.
  void record_check(Trial trial) {
    const auto is_of = [&](const Trial& each) { return each.config == trial.config; };
    if (std::ranges::any_of(context_.lineup.known, is_of)) return;
    trial.outcome = Outcome::kVerified;
    context_.store.record(trial, context_.environment);
    context_.observer.trial(trial);
  }

  // False where the budget ends first.
  bool take_next(Entries& entries) {
    // The first, the default where it can run, is the usable answer where none is stored.
    const bool waits = entrants_.empty() && !has_answer_;
    std::optional<Entrant> next =
        entries.next(waits ? context_.last_moment : context_.build_deadline);
    if (!next) return say_out_of_time();
    Entrant& entrant = entrants_.emplace_back(std::move(*next));
    if (entrant.cubin && !verify_in_time(entrant)) {
      entrants_.pop_back();  // it stays to be tried
      return say_out_of_time();
    }
    context_.progress(Stage::kVerify, entrants_.size(), all_);
    if (entrant.id < 0) {
      context_.record(entrant);
    } else if (!has_answer_ && context_.deadline.is_set()) {
      run_race(context_, entrants_, {entrants_.size() - 1},
               {StoppingRule(kAloneRule), context_.last_moment});
      if (entrant.race >= 0 && entrant.id >= 0) obey_budget();
    }
    return true;
  }

  void reject_differing_bits() {
    std::vector<Entrant*> passed;
    std::vector<Trial*> verified;
    for (Entrant& each : entrants_) {
      if (each.trial.outcome != Outcome::kMeasured) continue;
      passed.push_back(&each);
      verified.push_back(&each.trial);
    }
    if (verified.empty()) return;
    reject_dissenters(verified, dense_bits_.get());
    for (Entrant* each : passed) {
      if (each->trial.outcome == Outcome::kMeasured) continue;
      dismiss(*each);
      each->trial.measurement = {};
      context_.record(*each);
    }
  }

  void dismiss(Entrant& entrant) {
    if (entrant.id >= 0) context_.bench->dismiss(entrant.id);
    entrant.id = -1;
    entrant.cubin.reset();  // the compiler's cache has it
  }

  // Everyone that is new against the default and the best so far.
  void race_from(std::size_t first) {
    std::vector<std::size_t> who;
    const std::optional<std::size_t> best = best_of_earlier(first);
    for (std::size_t i = 0; i < entrants_.size(); ++i) {
      const bool runs = i >= first || i == best || is_default(entrants_[i]);
      if (runs && entrants_[i].id >= 0) who.push_back(i);
    }
    // Nobody new: the others have their times.
    if (who.empty() || who.back() < first) return;
    if (!run_race(context_, entrants_, who, {StoppingRule(kHeatRule), context_.deadline})) {
      if (!context_.budget_ran_out) context_.observer.note("the budget ends within a heat");
      context_.budget_ran_out = true;
    }
    score(who, best);
    context_.progress(Stage::kMeasure, entrants_.size(), all_);
  }

  static bool is_default(const Entrant& entrant) {
    return entrant.trial.contender == Contender::kDefault;
  }

  std::optional<std::size_t> best_of_earlier(std::size_t first) const {
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < first; ++i) {
      const Entrant& each = entrants_[i];
      if (each.id < 0 || each.score <= 0) continue;
      if (!best || each.score < entrants_[*best].score) best = i;
    }
    return best;
  }

  // Times of two heats differ by more than the gaps between candidates, so each is divided by that
  // of one who ran in both: the default, else the best so far.
  void score(const std::vector<std::size_t>& who, std::optional<std::size_t> best) {
    const int race = context_.races - 1;
    std::optional<std::size_t> anchor;
    for (const std::size_t i : who) {
      if (entrants_[i].race == race && is_default(entrants_[i])) anchor = i;
    }
    if (!anchor && best && entrants_[*best].race == race) anchor = best;
    double unit_us = 0;
    if (anchor) {
      const double known = entrants_[*anchor].score > 0 ? entrants_[*anchor].score : 1;
      unit_us = entrants_[*anchor].trial.measurement.median_us / known;
    }
    for (const std::size_t i : who) {
      Entrant& each = entrants_[i];
      if (each.race != race) continue;
      if (unit_us <= 0) unit_us = each.trial.measurement.median_us;
      each.score = each.trial.measurement.median_us / unit_us;
    }
  }

  void keep_best() {
    std::vector<Entrant*> alive;
    for (Entrant& each : entrants_) {
      if (each.id >= 0 && !is_default(each) && each.score > 0) alive.push_back(&each);
      // Who has no time did not get its turn before the budget ended; it stays to be tried.
      if (each.id >= 0 && !is_default(each) && each.score <= 0) dismiss(each);
    }
    std::stable_sort(alive.begin(), alive.end(),
                     [](const Entrant* a, const Entrant* b) { return a->score < b->score; });
    // Where there are too many that may tie, the ones stay that would win the tie.
    if (alive.size() > kKept) {
      const auto rest = alive.begin() + kAlwaysKept;
      const double loose = (1 + kLooseTieShare) * alive.front()->score;
      const auto tie_end = std::partition_point(
          rest, alive.end(), [&](const Entrant* each) { return each->score <= loose; });
      std::sort(rest, tie_end, [](const Entrant* a, const Entrant* b) {
        return core::ordered_before(a->trial.config, b->trial.config);
      });
    }
    for (std::size_t i = 0; i < alive.size(); ++i) {
      const bool far = i >= kKept || alive[i]->score > kKeptShare * alive.front()->score;
      if (i >= kAlwaysKept && far) dismiss(*alive[i]);
    }
  }

  TuneContext& context_;
  DenseBits dense_bits_;
  std::size_t all_ = 0;  // to be tried, as far as known
  std::vector<Entrant> entrants_;
  bool has_answer_ = false;
};

}  // namespace

std::vector<Entrant> run_heats(TuneContext& context) { return Heats(context).run(); }

}  // namespace deepgemm::autotune
