#include <algorithm>
#include <utility>

#include "autotune/stages.h"

namespace deepgemm::autotune {
namespace {

using core::Contender;

// One race of some entrants; runner i is entrant `who[i]`.
class Heat {
 public:
  Heat(TuneContext& context, std::vector<Entrant>& entrants, const std::vector<std::size_t>& who,
       const RaceTerms& terms)
      : context_(context),
        entrants_(entrants),
        who_(who),
        terms_(terms),
        race_(*context.bench, context.stop),
        number_(context.races++) {
    for (const std::size_t i : who) race_.enter(entrants[i].id);
  }

  // False where the deadline ended it.
  bool run() {
    while (const int batch = terms_.rule.next_batch(race_.rounds_done())) {
      const bool in_time = run_batch(batch);
      bury();
      if (!in_time || terms_.deadline.passed()) return false;
      confirm();
      if (judge()) break;
      record_so_far();
    }
    return true;
  }

  void finish() {
    if (race_.took_slowed()) {
      if (context_.slowed_races.empty()) {
        context_.observer.note(
            "this GPU stays slowed down (thermal or hardware slow-down), and times are taken all "
            "the same");
      }
      context_.slowed_races.insert(number_);
    }
    for (std::size_t runner = 0; runner < who_.size(); ++runner) {
      if (race_.racing(runner)) leave(runner);
    }
  }

 private:
  bool run_batch(int rounds) {
    try {
      race_.run(rounds, terms_.deadline);
      return true;
    } catch (const OutOfTime&) {
      return false;
    }
  }

  Entrant& entrant(std::size_t runner) { return entrants_[who_[runner]]; }

  void bury() {
    for (Race::Fallen& each : race_.take_fallen()) {
      Entrant& fallen = entrant(each.index);
      fallen.id = -1;
      fallen.cubin.reset();
      fallen.trial.outcome = each.outcome;
      fallen.trial.detail = std::move(each.detail);
      fallen.trial.measurement = {};
      context_.record(fallen);
    }
  }

  // Those of a heat that race on: a tuner that is killed now loses their next rounds alone. The row
  // that they leave with replaces this one. A final has them all stored.
  void record_so_far() {
    if (terms_.record_again || std::exchange(has_recorded_, true)) return;
    std::vector<core::Trial> trials;
    for (std::size_t runner = 0; runner < who_.size(); ++runner) {
      if (!race_.racing(runner) || entrant(runner).recorded) continue;
      core::Measurement measurement = race_.measurement(runner);
      if (measurement.samples_us.size() < kFewestSamples) continue;
      trials.push_back(entrant(runner).trial);
      trials.back().measurement = std::move(measurement);
    }
    if (trials.empty()) return;
    context_.store.record(trials, context_.environment);
    for (const core::Trial& each : trials) context_.observer.trial(each);
  }

  void leave(std::size_t runner) {
    race_.leave(runner);
    Entrant& leaving = entrant(runner);
    core::Measurement measurement = race_.measurement(runner);
    if (measurement.samples_us.size() < kFewestSamples) return;
    leaving.trial.measurement = std::move(measurement);
    leaving.race = number_;
    if (!leaving.recorded || terms_.record_again) context_.record(leaving);
  }

  // A wrong kernel that is fast must not lead: everyone else would be slower, and leave.
  void confirm() {
    std::vector<Entrant*> timed;
    for (std::size_t runner = 0; runner < who_.size(); ++runner) {
      if (!race_.racing(runner)) continue;
      entrant(runner).trial.measurement = race_.measurement(runner);
      timed.push_back(&entrant(runner));
    }
    confirm_times(context_, timed);
    context_.bench->end_by(terms_.deadline, context_.last_moment);
    for (std::size_t runner = 0; runner < who_.size(); ++runner) {
      if (race_.racing(runner) && entrant(runner).id < 0) race_.leave(runner);
    }
  }

  // Lets those go that need not run on. Whether the others have run long enough.
  bool judge() {
    std::vector<std::size_t> runners;
    std::vector<core::Measurement> measurements;
    for (std::size_t i = 0; i < who_.size(); ++i) {
      if (!race_.racing(i)) continue;
      runners.push_back(i);
      measurements.push_back(race_.measurement(i));
    }
    if (runners.empty()) return true;  // all have fallen: no round will ever be counted
    std::vector<Standing> standings;
    for (std::size_t i = 0; i < runners.size(); ++i) {
      const Entrant& each = entrant(runners[i]);
      standings.push_back(
          {&measurements[i], is_ours(each.trial), each.trial.contender != Contender::kCandidate});
    }
    std::vector<Standing> left = standings;
    for (const std::size_t i : terms_.rule.dropouts(standings)) {
      leave(runners[i]);
      context_.bench->dismiss(entrant(runners[i]).id);
      entrant(runners[i]).id = -1;
      left[i].measurement = nullptr;
    }
    std::erase_if(left, [](const Standing& each) { return each.measurement == nullptr; });
    return terms_.rule.enough(left, race_.rounds_done());
  }

  TuneContext& context_;
  std::vector<Entrant>& entrants_;
  const std::vector<std::size_t>& who_;
  const RaceTerms& terms_;
  Race race_;
  int number_;
  bool has_recorded_ = false;  // those that race on
};

}  // namespace

bool run_race(TuneContext& context, std::vector<Entrant>& entrants,
              const std::vector<std::size_t>& who, const RaceTerms& terms) {
  Heat heat(context, entrants, who, terms);
  const bool ended = heat.run();
  heat.finish();
  return ended;
}

}  // namespace deepgemm::autotune
