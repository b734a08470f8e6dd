#include "db/opening.h"

#include "core/error.h"
#include "db/bundle_file.h"
#include "db/bundle_seal.h"
#include "db/connection.h"
#include "db/schema.h"
#include "db/tuner_lock.h"

namespace deepgemm::db {
namespace {

bool tables_are_missing(const SQLite::Database& database) {
  SQLite::Statement query(database, "SELECT count(*) FROM sqlite_schema");
  query.executeStep();
  return query.getColumn(0).getInt() == 0 && schema_version_of(database) == 0;
}

[[noreturn]] void throw_bundle_is_read_only(const std::filesystem::path& path) {
  throw core::UsageError(
      path.string() + " is an export bundle, which is never written",
      "Bring it into a database: deepgemm-db import " + path.string() + " --db tuning.db.");
}

}  // namespace

void create_folder_of(const std::filesystem::path& path) {
  const std::filesystem::path folder = std::filesystem::absolute(path).parent_path();
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    throw core::EnvironmentError(
        "the folder " + folder.string() + " cannot be created (" + error.message() + ")",
        "Make its parent writable, or pass another --db FILE.");
  }
}

std::filesystem::path behind_links(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::path real = std::filesystem::weakly_canonical(path, error);
  return error ? path : real;
}

SQLite::Database open_reader(const std::filesystem::path& path) {
  return patiently(path, [&path](int attempt) {
    SQLite::Database database = open_for_reading(path, attempt < 4);
    database.exec("PRAGMA temp_store=MEMORY");
    const bool is_bundle = looks_like_bundle(database);
    if (is_bundle) require_sealed(database, path);
    require_readable(database, path);
    if (is_bundle) require_known_format(database, path);
    return database;
  });
}

void recover_if_left(const std::filesystem::path& path) {
  std::error_code not_there;
  if (!has_journal(path) || std::filesystem::file_size(path, not_there) == 0 || not_there) return;
  try {
    const TunerLock lock(behind_links(path), LockHolder::kInspector);
    SQLite::Database database = open_for_tuning(path);
    if (!has_seal(database)) end_wal(database);  // what lies beside a bundle is not its journal
  } catch (const core::Error&) {
  } catch (const SQLite::Exception&) {
  }
}

SQLite::Database open_tuner(const std::filesystem::path& path) {
  return translated(path, [&path] {
    SQLite::Database database = open_for_tuning(path);
    if (looks_like_bundle(database)) throw_bundle_is_read_only(path);
    if (tables_are_missing(database)) create_schema(database);
    require_readable(database, path);
    require_sound(database, path);
    begin_wal(database);
    add_what_is_missing(database);
    return database;
  });
}

}  // namespace deepgemm::db
