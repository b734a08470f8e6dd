// From one database into another.
#pragma once

#include <SQLiteCpp/Database.h>

#include <filesystem>

#include "db/recorded_rows.h"
#include "db/tuning_db.h"

namespace deepgemm::db {

// TuningDb::merge on open files; `from_path` names the source in errors, `unknown` takes its rows
// that stay behind.
Merged merge_into(SQLite::Database& to, const SQLite::Database& from,
                  const std::filesystem::path& from_path, Unknown& unknown);

}  // namespace deepgemm::db
