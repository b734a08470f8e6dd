#include "db/tuning_db.h"

#include <SQLiteCpp/Transaction.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "core/error.h"
#include "db/bundle_file.h"
#include "db/connection.h"
#include "db/cubin_rows.h"
#include "db/merge.h"
#include "db/opening.h"
#include "db/prune.h"
#include "db/recorded_rows.h"
#include "db/row_choice.h"
#include "db/schema.h"
#include "db/sqlite_errors.h"
#include "db/tuner_lock.h"

namespace deepgemm::db {

struct TuningDb::State {
  State(const std::filesystem::path& given, OpenMode open_mode)
      : path(given),
        mode(open_mode),
        lock(mode == OpenMode::kTune ? take_lock(given) : nullptr),
        database(open(given, open_mode)) {}

  ~State() {
    if (mode == OpenMode::kTune) end_wal(database);
  }

  static SQLite::Database open(const std::filesystem::path& path, OpenMode mode) {
    if (mode == OpenMode::kTune) return open_tuner(path);
    if (mode == OpenMode::kInspect) recover_if_left(path);
    return open_reader(path);
  }

  static std::unique_ptr<TunerLock> take_lock(const std::filesystem::path& path) {
    create_folder_of(path);
    return std::make_unique<TunerLock>(behind_links(path), LockHolder::kTuner);
  }

  // One consistent view for reads that take several statements.
  template <class Read>
  auto read(Read&& work) {
    return patiently(path, [&](int) {
      SQLite::Transaction view(database, SQLite::TransactionBehavior::DEFERRED);
      return work();
    });
  }

  // Of environments that agree with this one, the newest of each.
  std::vector<WinnerRow> winners_of(const core::Environment& environment, Selection selection) {
    return read([&]() -> std::vector<WinnerRow> {
      selection.environment_ids = agreeing_environments(database, path, environment);
      if (selection.environment_ids.empty()) return {};
      selection.newest_only = true;
      return read_winners(database, path, selection, unknown);
    });
  }

  // To choose the rows that answer from.
  std::vector<WinnerRow> launchable_or_not(const Selection& selection) {
    return read([&] {
      std::vector<WinnerRow> rows = read_winners(database, path, selection, unknown);
      mark_unlaunchable(database, rows);
      return rows;
    });
  }

  std::filesystem::path path;
  OpenMode mode;
  std::unique_ptr<TunerLock> lock;  // outlives the connection
  SQLite::Database database;
  Unknown unknown;  // rows that reads have passed over so far
};

TuningDb::TuningDb(const std::filesystem::path& path, OpenMode mode)
    : state_(std::make_unique<State>(path, mode)) {}

TuningDb::~TuningDb() = default;

core::Lookup TuningDb::find(const core::GemmProblem& problem, const core::Environment& here) const {
  const std::vector<WinnerRow> rows = state_->launchable_or_not({.any_m_of = problem});
  return look_up(family_for(rows, problem, here), problem, here.device_id);
}

std::optional<core::Cubin> TuningDb::cubin(std::string_view key) const {
  return state_->read([&] { return read_cubin(state_->database, state_->path, key); });
}

std::vector<core::Trial> TuningDb::trials(const core::GemmProblem& problem,
                                          const core::Environment& environment) const {
  return newest_trials(state_->read([&]() -> std::vector<TrialRow> {
    const auto ids = agreeing_environments(state_->database, state_->path, environment);
    if (ids.empty()) return {};
    return read_trials(state_->database, state_->path,
                       {.problem = problem, .environment_ids = ids, .telling = true},
                       state_->unknown);
  }));
}

std::optional<core::Winner> TuningDb::winner(const core::GemmProblem& problem,
                                             const core::Environment& environment,
                                             std::string_view rows) const {
  std::vector<WinnerRow> found = state_->winners_of(environment, {.problem = problem});
  std::erase_if(found, [rows](const WinnerRow& each) { return each.winner.rows != rows; });
  return newest_searched(std::move(found));
}

std::vector<core::Winner> TuningDb::winners_of_twins(const core::GemmProblem& problem,
                                                     const core::Environment& environment,
                                                     std::string_view rows) const {
  std::vector<WinnerRow> found = state_->read([&] {
    return read_winners(state_->database, state_->path, {.problem = problem}, state_->unknown);
  });
  std::erase_if(found, [&](const WinnerRow& each) {
    return !each.winner.measured || each.winner.rows != rows ||
           !core::are_twins(each.environment, environment);
  });
  std::vector<core::Winner> newest_first;
  for (auto row = found.rbegin(); row != found.rend(); ++row) {
    newest_first.push_back(std::move(row->winner));
  }
  return newest_first;
}

std::vector<core::Winner> TuningDb::winners_of_family(const core::GemmProblem& problem,
                                                      const core::Environment& environment) const {
  std::vector<WinnerRow> rows = state_->winners_of(environment, {.any_m_of = problem});
  std::erase_if(rows, [&](const WinnerRow& row) { return row.winner.problem.m == problem.m; });
  return newest_by_m_and_rows(std::move(rows), problem);
}

std::vector<core::Winner> TuningDb::winners_elsewhere(const core::GemmProblem& problem,
                                                      const core::Environment& here) const {
  std::vector<WinnerRow> rows = state_->read([&] {
    return read_winners(state_->database, state_->path, {.any_m_of = problem, .newest_only = true},
                        state_->unknown);
  });
  std::erase_if(rows, [&](const WinnerRow& row) {
    return !row.winner.measured || row.environment.device_id != here.device_id ||
           core::agree(row.environment, here);
  });
  return newest_by_m_and_rows(std::move(rows), problem);
}

std::vector<core::GemmConfig> TuningDb::quarantined(const core::Environment& environment) const {
  return state_->read([&]() -> std::vector<core::GemmConfig> {
    const auto ids = agreeing_environments(state_->database, state_->path, environment);
    if (ids.empty()) return {};
    std::map<std::string, core::GemmConfig> configs;
    for (const TrialRow& row :
         read_trials(state_->database, state_->path, {.environment_ids = ids, .quarantined = true},
                     state_->unknown)) {
      configs.emplace(core::to_string(row.trial.config), row.trial.config);
    }
    std::vector<core::GemmConfig> list;
    for (const auto& [text, config] : configs) list.push_back(config);
    return list;
  });
}

std::optional<core::Calibration> TuningDb::calibration(const core::Environment& environment) const {
  return state_->read([&]() -> std::optional<core::Calibration> {
    const auto ids = agreeing_environments(state_->database, state_->path, environment);
    if (ids.empty()) return std::nullopt;
    const auto rows = read_calibrations(state_->database, state_->path, ids);
    if (rows.empty()) return std::nullopt;
    const CalibrationRow* best = &rows.front();
    for (const CalibrationRow& each : rows) {
      if (each.calibration.problems >= best->calibration.problems) best = &each;
    }
    return best->calibration;
  });
}

void TuningDb::record(const core::Trial& trial, const core::Environment& environment) {
  record(std::span(&trial, 1), environment);
}

void TuningDb::record(std::span<const core::Trial> trials, const core::Environment& environment) {
  translated(state_->path, [&] { append(state_->database, trials, environment); });
}

void TuningDb::record(const core::Cubin& cubin) {
  translated(state_->path, [&] { append(state_->database, cubin); });
}

void TuningDb::record(const core::Winner& winner, const core::Environment& environment) {
  translated(state_->path, [&] { append(state_->database, winner, environment); });
}

void TuningDb::record(const core::Calibration& calibration, const core::Environment& environment) {
  translated(state_->path, [&] { append(state_->database, calibration, environment); });
}

std::vector<WinnerRow> TuningDb::winners() const {
  std::vector<WinnerRow> rows =
      state_->launchable_or_not({.newest_only = true, .decided_first = true});
  const auto order = [](const WinnerRow& row) {
    const core::GemmProblem& problem = row.winner.problem;
    return std::tie(row.environment.device_id, problem.operation, problem.groups, problem.alignment,
                    problem.n, problem.k, problem.m, row.id);
  };
  std::sort(rows.begin(), rows.end(),
            [&order](const WinnerRow& a, const WinnerRow& b) { return order(a) < order(b); });
  return rows;
}

std::vector<TrialRow> TuningDb::all_trials(const core::GemmProblem& problem) const {
  return state_->read([&] {
    return read_trials(state_->database, state_->path, {.problem = problem, .telling = true},
                       state_->unknown);
  });
}

std::vector<TrialRow> TuningDb::trials_of_any_m(const core::GemmProblem& problem) const {
  std::vector<TrialRow> rows = state_->read([&] {
    return read_trials(state_->database, state_->path, {.any_m_of = problem, .telling = true},
                       state_->unknown);
  });
  std::erase_if(rows, [&problem](const TrialRow& row) {
    core::GemmProblem any_m = row.trial.problem;
    any_m.m = problem.m;
    return any_m != problem;
  });
  return rows;
}

std::vector<Merged> TuningDb::merge(std::span<const TuningDb* const> others) {
  MergeTarget target(state_->database, state_->path);
  std::vector<Merged> merged;
  for (const TuningDb* other : others) {
    State& from = *other->state_;
    merged.push_back(from.read([&] { return target.add(from.database, from.path, from.unknown); }));
  }
  target.commit();
  return merged;
}

Pruned TuningDb::prune(const PruneOptions& options, const core::Environment& here) {
  return translated(state_->path, [&] {
    return db::prune(state_->database, state_->path, options, here, state_->unknown);
  });
}

SkippedRows TuningDb::skipped() const {
  const Unknown& unknown = state_->unknown;
  if (unknown.empty()) return {};
  const auto& [row, name] = *unknown.begin();
  return {unknown.size(),
          "row " + std::to_string(row.second) + " of " + row.first + " has " + name};
}

bool TuningDb::is_bundle() const {
  return state_->read([&] { return looks_like_bundle(state_->database); });
}

int TuningDb::schema_version() const {
  return state_->read([&] { return schema_version_of(state_->database); });
}

const std::filesystem::path& TuningDb::path() const { return state_->path; }

}  // namespace deepgemm::db
