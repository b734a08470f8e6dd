#include "db/merge.h"

#include "db/cubin_rows.h"
#include "db/sqlite_errors.h"

namespace deepgemm::db {

MergeTarget::MergeTarget(SQLite::Database& database, const std::filesystem::path& path)
    : database_(database), path_(path) {
  translated(path_,
             [this] { transaction_.emplace(database_, SQLite::TransactionBehavior::IMMEDIATE); });
}

Merged MergeTarget::add(const SQLite::Database& from, const std::filesystem::path& from_path,
                        Unknown& unknown) {
  const auto brought = [&](const auto& row) {
    return translated(path_, [&] { return db::add(database_, row); });
  };
  Merged merged;
  for (const TrialRow& row : read_trials(from, from_path, {}, unknown)) {
    merged.trials += brought(row);
  }
  for (const WinnerRow& row : read_winners(from, from_path, {}, unknown)) {
    merged.winners += brought(row);
  }
  is_new_ = is_new_ || merged.trials + merged.winners > 0;
  for (const CalibrationRow& row : read_calibrations(from, from_path, {})) {
    is_new_ = brought(row) || is_new_;
  }
  SQLite::Statement keys(from, "SELECT key FROM kernels ORDER BY rowid");
  while (keys.executeStep()) {
    const auto cubin = read_cubin(from, from_path, keys.getColumn(0).getString());
    if (cubin) merged.cubins += brought(*cubin);
  }
  return merged;
}

void MergeTarget::commit() {
  translated(path_, [this] {
    if (is_new_) sort_by_time(database_);
    transaction_->commit();
  });
}

}  // namespace deepgemm::db
