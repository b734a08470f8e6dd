// From databases into another.
#pragma once

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Transaction.h>

#include <filesystem>
#include <optional>

#include "db/recorded_rows.h"
#include "db/tuning_db.h"

namespace deepgemm::db {

// One transaction of the target: what a source that turns out to be broken keeps from being
// committed leaves nothing of the others behind. What SQLite throws is of the source: what the
// target refuses is translated, with its path, by itself.
class MergeTarget {
 public:
  MergeTarget(SQLite::Database& database, const std::filesystem::path& path);

  // Adds what `from` has and the target lacks; `unknown` takes rows that stay behind.
  Merged add(const SQLite::Database& from, const std::filesystem::path& from_path,
             Unknown& unknown);
  void commit();

 private:
  SQLite::Database& database_;
  const std::filesystem::path& path_;
  std::optional<SQLite::Transaction> transaction_;
  bool is_new_ = false;  // anything that came
};

}  // namespace deepgemm::db
