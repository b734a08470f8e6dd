// Takes out of a database what is not needed any more.
#pragma once

#include <SQLiteCpp/Database.h>

#include <filesystem>

#include "db/tuning_db.h"

namespace deepgemm::db {

// TuningDb::prune on an open file.
Pruned prune(SQLite::Database& database, const std::filesystem::path& path,
             const PruneOptions& options);

}  // namespace deepgemm::db
