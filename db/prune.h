// Takes out of a database what is not needed any more.
#pragma once

#include <SQLiteCpp/Database.h>

#include <filesystem>

#include "db/recorded_rows.h"
#include "db/tuning_db.h"

namespace deepgemm::db {

// TuningDb::prune on an open file. Rows that hold an unknown name stay, noted in `unknown`.
Pruned prune(SQLite::Database& database, const std::filesystem::path& path,
             const PruneOptions& options, const core::Environment& here, Unknown& unknown);

}  // namespace deepgemm::db
