// From one database into another.
#pragma once

#include <SQLiteCpp/Database.h>

#include <filesystem>

#include "db/recorded_rows.h"
#include "db/tuning_db.h"

namespace deepgemm::db {

// TuningDb::merge on open files; `unknown` takes rows of the source that stay behind. What SQLite
// throws is of the source: what the target refuses is translated, with its path, by itself.
Merged merge_into(SQLite::Database& to, const std::filesystem::path& to_path,
                  const SQLite::Database& from, const std::filesystem::path& from_path,
                  Unknown& unknown);

}  // namespace deepgemm::db
