#include "db/sqlite_errors.h"

#include <sqlite3.h>

#include "core/error.h"

namespace deepgemm::db {
namespace {

using core::EnvironmentError;
using core::UsageError;

[[noreturn]] void throw_not_ours(const std::string& name) {
  throw UsageError(name + " is not a database", "Pass a database that deepgemm-tune wrote.");
}

[[noreturn]] void throw_needs_recovery(const std::string& name) {
  throw EnvironmentError(
      name + " was left by an interrupted tuner and cannot be recovered by a reader",
      "Run deepgemm-tune with it once, as a user who may write it.");
}

// Exceptions that we raise ourselves carry one code only.
int extended_code(const SQLite::Exception& error) {
  return error.getExtendedErrorCode() > 0 ? error.getExtendedErrorCode() : error.getErrorCode();
}

// The codes of a file that is there but cannot be written or read.
[[noreturn]] void throw_environment(int code, const std::string& name, const std::string& said) {
  switch (code) {
    case SQLITE_FULL:
      throw EnvironmentError("the disk of " + name + " is full",
                             "Free some space and run the same command again; everything recorded "
                             "so far is kept.");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
      throw EnvironmentError(name + " is locked by another process",
                             "Wait until that process is done, or pass another database.");
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      throw EnvironmentError(name + " cannot be written (" + said + ")",
                             "Make the file and its folder writable, or pass another --db FILE.");
    case SQLITE_CANTOPEN:
      throw EnvironmentError(name + " cannot be opened (" + said + ")",
                             "Check the permissions of the file and its folder, or pass another "
                             "database.");
    case SQLITE_NOMEM:
      throw EnvironmentError("there is not enough memory to use " + name,
                             "Free some memory and run the same command again.");
    default:
      throw EnvironmentError(name + " cannot be read or written (" + said + ")",
                             "Check the disk, its quota and the file's size limit, then run the "
                             "same command again; everything recorded so far is kept.");
  }
}

}  // namespace

void throw_damaged(const std::filesystem::path& path, const std::string& what) {
  throw UsageError(path.string() + " is damaged: " + what,
                   "Restore a copy of it, or move it away and tune again.");
}

bool is_transient(const SQLite::Exception& error) {
  const int extended = extended_code(error);
  // CANTOPEN: the log that was about to be joined was removed, or is not complete yet.
  return extended == SQLITE_CANTOPEN || extended == SQLITE_READONLY_RECOVERY ||
         extended == SQLITE_READONLY_CANTINIT || extended == SQLITE_BUSY_RECOVERY ||
         extended == SQLITE_BUSY_SNAPSHOT;
}

void rethrow(const SQLite::Exception& error, const std::filesystem::path& path) {
  const std::string name = path.string();
  const int code = error.getErrorCode() & 0xff;
  const int extended = extended_code(error);
  if (extended == SQLITE_READONLY_RECOVERY || extended == SQLITE_READONLY_ROLLBACK ||
      extended == SQLITE_READONLY_CANTINIT) {
    throw_needs_recovery(name);
  }
  switch (code) {
    case SQLITE_NOTADB:
      throw_not_ours(name);
    case SQLITE_FULL:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_CANTOPEN:
    case SQLITE_NOMEM:
    case SQLITE_IOERR:
    case SQLITE_NOLFS:
    case SQLITE_TOOBIG:
      throw_environment(code, name, error.what());
    default:
      // Every statement is ours, so what is left (a missing table, a broken page or constraint)
      // says that the file is not as we wrote it.
      throw_damaged(path, error.what());
  }
}

}  // namespace deepgemm::db
