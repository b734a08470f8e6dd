#include "db/merge.h"

#include <SQLiteCpp/Transaction.h>

#include "db/cubin_rows.h"

namespace deepgemm::db {

Merged merge_into(SQLite::Database& to, const SQLite::Database& from,
                  const std::filesystem::path& from_path, Unknown& unknown) {
  SQLite::Transaction transaction(to, SQLite::TransactionBehavior::IMMEDIATE);
  Merged merged;
  for (const TrialRow& row : read_trials(from, from_path, {}, unknown)) {
    merged.trials += add(to, row);
  }
  for (const WinnerRow& row : read_winners(from, from_path, {}, unknown)) {
    merged.winners += add(to, row);
  }
  bool is_new = merged.trials + merged.winners > 0;
  for (const CalibrationRow& row : read_calibrations(from, from_path, {})) {
    is_new = add(to, row) || is_new;
  }
  SQLite::Statement keys(from, "SELECT key FROM kernels ORDER BY rowid");
  while (keys.executeStep()) {
    const auto cubin = read_cubin(from, from_path, keys.getColumn(0).getString());
    if (cubin) merged.cubins += add(to, *cubin);
  }
  if (is_new) sort_by_time(to);
  transaction.commit();
  return merged;
}

}  // namespace deepgemm::db
