// Trials, winners and calibrations: the append-only tables whose rows refer to an environment.
#pragma once

#include <SQLiteCpp/Database.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/store.h"
#include "db/selection.h"
#include "db/tuning_db.h"

namespace deepgemm::db {

// Row of an equal environment; nullopt if nothing was recorded in one.
std::optional<std::int64_t> find_environment(const SQLite::Database& database,
                                             const core::Environment& environment);

// Rows of environments that agree with this one and with each other: of two that do not, the one
// that was stored last.
std::vector<std::int64_t> agreeing_environments(const SQLite::Database& database,
                                                const std::filesystem::path& path,
                                                const core::Environment& environment);

// Appends in one transaction, with the environment where it is new.
void append(SQLite::Database& database, std::span<const core::Trial> trials,
            const core::Environment& environment);
void append(SQLite::Database& database, const core::Winner& winner,
            const core::Environment& environment);
void append(SQLite::Database& database, const core::Calibration& calibration,
            const core::Environment& environment);

struct CalibrationRow {
  core::Calibration calibration;
  core::Environment environment;
  std::string recorded_at;
};

// Copies a row with the time it was recorded at, unless an equal one of that time is there; returns
// whether it was new. The transaction is the caller's.
bool add(SQLite::Database& database, const TrialRow& row);
bool add(SQLite::Database& database, const WinnerRow& row);
bool add(SQLite::Database& database, const CalibrationRow& row);

// Gives rows that were added in another order than they were recorded the ids of that order, so
// that a larger id is newer again. The transaction is the caller's.
void sort_by_time(SQLite::Database& database);

// Rows that were passed over, by table and id: the name in them that is not known here.
using Unknown = std::map<std::pair<std::string, std::int64_t>, std::string>;

// Rows in the order in which they were recorded. Those that hold an unknown name are left out and
// noted in `unknown`.
std::vector<TrialRow> read_trials(const SQLite::Database& database,
                                  const std::filesystem::path& path, const Selection& selection,
                                  Unknown& unknown);
std::vector<WinnerRow> read_winners(const SQLite::Database& database,
                                    const std::filesystem::path& path, const Selection& selection,
                                    Unknown& unknown);
// All, or those of some environments; none of a file that was written before there were any.
std::vector<CalibrationRow> read_calibrations(const SQLite::Database& database,
                                              const std::filesystem::path& path,
                                              const std::vector<std::int64_t>& environment_ids);

}  // namespace deepgemm::db
