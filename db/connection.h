// Opens the file of a tuning database in the state that each mode promises.
#pragma once

#include <SQLiteCpp/Database.h>

#include <filesystem>

#include "db/tuning_db.h"

namespace deepgemm::db {

// In the file's header: 'dgmm'. Tells our databases from other people's.
inline constexpr int kApplicationId = 0x64676d6d;

// How journals are arranged. While a tuner holds the database it is in WAL mode, so that readers
// never wait for it and a killed tuner loses nothing. A tuner that closes it puts it back into
// rollback mode, in which a reader needs no second file: that is what lets read-only folders
// work, and what keeps readers from creating files.

// Whether something lies beside the database that only who may write can bring in: commits in a
// log (a tuner holds it, or was killed), or what undoes a change of mode or tables in which a tuner
// was killed.
bool has_journal(const std::filesystem::path& path);

// Opens an existing database for reading; a bundle, as its seal shows, without locks. Creates
// nothing. Throws UsageError for what is not a
// tuning database, EnvironmentError for what may not be read, SQLite::Exception for the rest.
// A log without its companions is either a tuner between two steps, or all there will ever be:
// with `expect_tuner` it is a transient SQLite::Exception, without it is read as it lies there.
SQLite::Database open_for_reading(const std::filesystem::path& path, bool expect_tuner);

// Opens a database for writing, or creates an empty file. Nothing in an existing file is touched
// before its header was recognised. Throws like the above, and EnvironmentError where it cannot
// be written. The schema and WAL mode are the caller's next steps.
SQLite::Database open_for_tuning(const std::filesystem::path& path);

// WAL, with every commit synced to the disk: a trial may cost seconds of GPU time, a sync costs a
// millisecond, and the acknowledged trial must survive a power cut, which NORMAL does not promise.
void begin_wal(SQLite::Database& database);

// Back to rollback mode, unless a reader is connected just now.
void end_wal(SQLite::Database& database) noexcept;

}  // namespace deepgemm::db
