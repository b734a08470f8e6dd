// From one database into another.
#pragma once

#include <SQLiteCpp/Database.h>

#include <filesystem>

#include "db/tuning_db.h"

namespace deepgemm::db {

// TuningDb::merge on open files; `from_path` names the source in errors.
Merged merge_into(SQLite::Database& to, const SQLite::Database& from,
                  const std::filesystem::path& from_path);

}  // namespace deepgemm::db
