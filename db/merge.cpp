#include "db/merge.h"

#include <SQLiteCpp/Transaction.h>

#include "db/cubin_rows.h"
#include "db/sqlite_errors.h"

namespace deepgemm::db {

Merged merge_into(SQLite::Database& to, const std::filesystem::path& to_path,
                  const SQLite::Database& from, const std::filesystem::path& from_path,
                  Unknown& unknown) {
  const auto in_target = [&](auto&& work) { return translated(to_path, work); };
  const auto brought = [&](const auto& row) { return in_target([&] { return add(to, row); }); };
  auto transaction =
      in_target([&] { return SQLite::Transaction(to, SQLite::TransactionBehavior::IMMEDIATE); });
  Merged merged;
  for (const TrialRow& row : read_trials(from, from_path, {}, unknown)) {
    merged.trials += brought(row);
  }
  for (const WinnerRow& row : read_winners(from, from_path, {}, unknown)) {
    merged.winners += brought(row);
  }
  bool is_new = merged.trials + merged.winners > 0;
  for (const CalibrationRow& row : read_calibrations(from, from_path, {})) {
    is_new = brought(row) || is_new;
  }
  SQLite::Statement keys(from, "SELECT key FROM kernels ORDER BY rowid");
  while (keys.executeStep()) {
    const auto cubin = read_cubin(from, from_path, keys.getColumn(0).getString());
    if (cubin) merged.cubins += brought(*cubin);
  }
  in_target([&] {
    if (is_new) sort_by_time(to);
    transaction.commit();
  });
  return merged;
}

}  // namespace deepgemm::db
