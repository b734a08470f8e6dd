#include "app/tune_progress.h"

#include <fmt/format.h>

#include "app/figures.h"

namespace deepgemm::app {

namespace {

constexpr int kBarWidth = 24;

// The shape, and what runs it.
std::string what_runs(const core::Trial& trial) {
  const std::string who = is_ours(trial.contender) ? core::short_name(trial.config)
                                                   : std::string(core::name(trial.contender));
  return core::to_string(trial.problem) + " " + who;
}

}  // namespace

TuneProgress::TuneProgress(Terminal& terminal, spdlog::logger& log, std::size_t shapes,
                           std::string where)
    : terminal_(terminal), log_(log), shapes_(shapes), where_(std::move(where)), left_(shapes) {}

void TuneProgress::start_shape(std::size_t index) { index_ = index; }

std::string TuneProgress::position() const {
  return fmt::format("[{}/{}] {}", index_ + 1, shapes_, where_);
}

void TuneProgress::progress(const core::GemmProblem& problem, autotune::Stage stage, int done,
                            int total) {
  const std::string bar =
      terminal_.traits().live ? " " + progress_bar(done, total, kBarWidth) : std::string();
  terminal_.progress(fmt::format("{}{} {}{} {}/{}{}", position(), core::to_string(problem),
                                 autotune::name(stage), bar, done, total, left_.text(index_)));
}

void TuneProgress::check(const core::Trial& trial) {
  log_.debug("{}: its numbers are checked", what_runs(trial));
}

void TuneProgress::trial(const core::Trial& trial) {
  std::string line = fmt::format("{}: {}", what_runs(trial), core::name(trial.outcome));
  if (trial.outcome == core::Outcome::kMeasured) {
    line += fmt::format(", {:.2f} ± {:.2f} µs", trial.measurement.median_us,
                        trial.measurement.spread_us);
  } else if (trial.outcome == core::Outcome::kPredicted) {
    line += fmt::format(", {:.2f} µs by the model", trial.predicted_us);
  }
  if (!trial.detail.empty()) line += fmt::format(" ({})", trial.detail);
  log_.debug("{}", line);
}

void TuneProgress::note(const std::string& sentence) { log_.info("{}", sentence); }

}  // namespace deepgemm::app
