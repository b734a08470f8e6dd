// Compiled kernels, stored once per key.
#pragma once

#include <SQLiteCpp/Database.h>

#include <filesystem>
#include <optional>
#include <span>
#include <string_view>

#include "core/store.h"
#include "db/tuning_db.h"

namespace deepgemm::db {

// Does nothing where the key is stored already: a key is the content's address.
void append(SQLite::Database& database, const core::Cubin& cubin);

// The same within the caller's transaction; returns whether it was new.
bool add(SQLite::Database& database, const core::Cubin& cubin);

// Throws UsageError where the image is not the one that was stored.
std::optional<core::Cubin> read_cubin(const SQLite::Database& database,
                                      const std::filesystem::path& path, std::string_view key);

// Says so of the rows whose kernel has another name than this deepgemm launches.
void mark_unlaunchable(const SQLite::Database& database, std::span<WinnerRow> rows);

}  // namespace deepgemm::db
