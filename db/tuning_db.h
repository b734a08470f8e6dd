// The tuning database: trials with their evidence, winners, cubins. SQLite, one local writer.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/store.h"

namespace deepgemm::db {

enum class OpenMode {
  kReadOnly,  // many processes; never writes, and creates no file, not even a journal
  kInspect,   // the same, but a log that a killed tuner left is first brought in, where that may be
  kTune,      // creates file and folder where there are none; one tuner at a time holds it
};

// A winner with the environment and time it was recorded in.
struct WinnerRow {
  core::Winner winner;
  core::Environment environment;
  std::string recorded_at;  // UTC, ISO 8601
  std::int64_t id = 0;      // larger is newer, also within one instant
  // Not of a kernel that is stored under another name than this deepgemm launches: other kernel
  // sources may want other parameters. Such a row answers nothing.
  bool is_launchable = true;
};

struct TrialRow {
  core::Trial trial;
  core::Environment environment;
  std::string recorded_at;
  std::int64_t id = 0;  // as above
};

// Rows that were passed over because they hold a name (of an operation, an outcome, …) that this
// deepgemm does not know, as a newer one may write it. They stay in their file.
struct SkippedRows {
  std::size_t count = 0;
  std::string example;  // "row 7 of winners has operation 'grouped-ragged'"
};

// What merging brought in.
struct Merged {
  int trials = 0;
  int winners = 0;
  int cubins = 0;
};

// What may go from a database. A trial that is gone is tried again by the next tune of its shape.
struct PruneOptions {
  // Trials and winners of a problem that has a newer measured winner of the same rows from the same
  // kind of GPU, in an environment that does not agree with theirs; but none that answers for the
  // machine it is pruned on, nor its trials. Probes go where no winner of their n and k is left in
  // an environment that agrees with theirs.
  bool superseded = false;
  // Where a winner was recorded, trials that it does not stand on (see db/evidence.h): candidates
  // beside the winner and the runner-up; of the other contenders all but the newest. Probes, which
  // rows are merged by, trials of other rows, and those that ended the process that ran them stay:
  // their configs are in quarantine.
  bool losers = false;
  // Compiled kernels that no winner and no trial refers to.
  bool orphans = false;
  bool dry_run = false;  // counts, and leaves the file as it is
};

struct Pruned {
  int trials = 0;
  int winners = 0;
  int cubins = 0;
  int environments = 0;  // those left without rows
};

// For one thread at a time. A process that opens the same file in both modes opens kTune first:
// its readers then share the tuner's view of the log.
class TuningDb final : public core::KernelStore, public core::TrialStore {
 public:
  // kTune reads the whole file once and refuses it where a page is broken; it adds columns and
  // tables that the file does not know yet. Throws UsageError for a file that is corrupt,
  // truncated, foreign (not SQLite, or not ours) or of a newer schema, for a bundle that is damaged
  // or to be written (kTune), and for a missing file in kReadOnly; EnvironmentError for a folder or
  // file that cannot be written, a full disk, and a database that another tuner holds.
  TuningDb(const std::filesystem::path& path, OpenMode mode);
  ~TuningDb() override;

  // The members below throw EnvironmentError where the disk is full or fails (nothing recorded
  // earlier is lost) and UsageError where a row turns out to be damaged.

  // Rows of device_id first, of any other GPU else. For one m a measured winner precedes a
  // predicted one, one of the usual rows one of others, then the newest. The reason of kNone names
  // the next step.
  core::Lookup find(const core::GemmProblem& problem, const core::Environment& here) const override;
  std::optional<core::Cubin> cubin(std::string_view key) const override;

  std::vector<core::Trial> trials(const core::GemmProblem& problem,
                                  const core::Environment& environment) const override;
  std::optional<core::Winner> winner(const core::GemmProblem& problem,
                                     const core::Environment& environment,
                                     std::string_view rows) const override;
  std::vector<core::Winner> winners_of_twins(const core::GemmProblem& problem,
                                             const core::Environment& environment,
                                             std::string_view rows) const override;
  std::vector<core::Winner> winners_of_family(const core::GemmProblem& problem,
                                              const core::Environment& environment) const override;
  std::vector<core::Winner> winners_elsewhere(const core::GemmProblem& problem,
                                              const core::Environment& environment) const override;
  std::vector<core::GemmConfig> quarantined(const core::Environment& environment) const override;
  std::optional<core::Calibration> calibration(const core::Environment& environment) const override;
  void record(const core::Trial& trial, const core::Environment& environment) override;
  void record(std::span<const core::Trial> trials, const core::Environment& environment) override;
  void record(const core::Cubin& cubin) override;
  void record(const core::Winner& winner, const core::Environment& environment) override;
  void record(const core::Calibration& calibration, const core::Environment& environment) override;

  // Newest winner per problem, environment and rows, ordered by device, n, k, m.
  std::vector<WinnerRow> winners() const;
  // Every trial of a problem, oldest first.
  std::vector<TrialRow> all_trials(const core::GemmProblem& problem) const;
  // Every trial that shares everything but m with a problem, oldest first.
  std::vector<TrialRow> trials_of_any_m(const core::GemmProblem& problem) const;
  // Adds every row and kernel of others that is not here yet, all in one transaction: rows of equal
  // environments join, those of different ones stay apart, also where these agree. Repeating it
  // adds nothing. What came of each, in their order.
  std::vector<Merged> merge(std::span<const TuningDb* const> others);
  Merged merge(const TuningDb& other) {
    const TuningDb* const one[] = {&other};
    return merge(one).front();
  }
  // In one transaction; the file then shrinks. `here` says which rows answer.
  Pruned prune(const PruneOptions& options, const core::Environment& here);

  // Of all reads of this object so far, each row once.
  SkippedRows skipped() const;
  // Whether the file is an export bundle. One that opened is whole: its checksum was compared.
  bool is_bundle() const;
  int schema_version() const;
  const std::filesystem::path& path() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// $DEEPGEMM_DB, else $XDG_DATA_HOME/deepgemm/tuning.db, else ~/.local/share/deepgemm/tuning.db.
std::filesystem::path default_database_path();

}  // namespace deepgemm::db
