#include "db/connection.h"

#include <sqlite3.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>

#include "core/error.h"
#include "db/bundle_seal.h"
#include "db/sqlite_errors.h"

namespace deepgemm::db {
namespace {

using core::UsageError;

constexpr int kBusyTimeoutMs = 5000;

// The first 100 bytes of every SQLite file; offsets from https://sqlite.org/fileformat.html.
struct Header {
  std::array<unsigned char, 100> bytes{};
  sqlite3_int64 file_bytes = 0;

  bool is_empty() const { return file_bytes == 0; }
  bool is_sqlite() const {
    constexpr std::string_view kMagic("SQLite format 3\0", 16);
    return file_bytes >= 100 &&
           std::string_view(reinterpret_cast<const char*>(bytes.data()), 16) == kMagic;
  }
  bool is_wal() const { return bytes[18] == 2 || bytes[19] == 2; }
  int application_id() const {
    return bytes[68] << 24 | bytes[69] << 16 | bytes[70] << 8 | bytes[71];
  }
};

// Reads through SQLite's own handle: opening and closing the file beside it would drop the locks
// that another connection of this process holds (POSIX locks belong to the process).
Header read_header(const SQLite::Database& database) {
  sqlite3_file* file = nullptr;
  Header header;
  int code = sqlite3_file_control(database.getHandle(), "main", SQLITE_FCNTL_FILE_POINTER, &file);
  if (code == SQLITE_OK) code = file->pMethods->xFileSize(file, &header.file_bytes);
  if (code == SQLITE_OK && header.file_bytes >= 100) {
    code = file->pMethods->xRead(file, header.bytes.data(), 100, 0);
  }
  if (code != SQLITE_OK) throw SQLite::Exception(sqlite3_errstr(code), code);
  return header;
}

void require_ours(const Header& header, const std::filesystem::path& path) {
  const std::string next_step = "Pass a database that deepgemm-tune wrote.";
  if (header.is_empty()) throw UsageError(path.string() + " is empty", next_step);
  if (!header.is_sqlite()) throw UsageError(path.string() + " is not a database", next_step);
  if (header.application_id() != kApplicationId) {
    throw UsageError(path.string() + " is a database, but not one of deepgemm", next_step);
  }
}

// As a URI, because only URIs carry the options. The empty authority is written out: a path that
// begins with two slashes would be taken for one.
std::string uri(const std::filesystem::path& path, std::string_view options) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text = "file://";
  for (const unsigned char byte : std::filesystem::absolute(path).string()) {
    if (byte == '%' || byte == '?' || byte == '#') {
      text += {'%', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      text += static_cast<char>(byte);
    }
  }
  return text.append("?").append(options);
}

SQLite::Database open_uri(const std::filesystem::path& path, std::string_view options, int flags) {
  return SQLite::Database(uri(path, options), flags | SQLite::OPEN_URI, kBusyTimeoutMs);
}

void require_regular(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (std::filesystem::is_directory(status)) {
    throw UsageError(path.string() + " is a folder, not a database", "Pass a file as --db FILE.");
  }
}

void require_readable_file(const std::filesystem::path& path) {
  if (access(path.c_str(), R_OK) == 0) return;
  if (errno == ENOENT || errno == ENOTDIR) {
    throw UsageError("there is no database at " + path.string(),
                     "Run deepgemm-tune to make one, or pass another database.");
  }
  throw core::EnvironmentError(
      path.string() + " cannot be opened (" + std::strerror(errno) + ")",
      "Check the permissions of the file and its folder, or pass another database.");
}

// What lies beside the database.
struct Log {
  bool exists;
  bool has_content;
  bool has_shared_memory;
  bool has_rollback;  // of rollback mode
};

Log log_of(const std::filesystem::path& path) {
  std::error_code error;
  const std::filesystem::path real = std::filesystem::weakly_canonical(path, error);
  const std::string wal = real.string() + "-wal";
  const auto has_content = [&error](const std::string& file) {
    const auto bytes = std::filesystem::file_size(file, error);
    return !error && bytes > 0;
  };
  return {std::filesystem::exists(wal, error), has_content(wal),
          std::filesystem::exists(real.string() + "-shm", error),
          has_content(real.string() + "-journal")};
}

}  // namespace

bool has_journal(const std::filesystem::path& path) {
  const Log log = log_of(path);
  return log.has_content || log.has_rollback;
}

SQLite::Database open_for_reading(const std::filesystem::path& path, bool expect_tuner) {
  require_regular(path);
  require_readable_file(path);
  // readonly_shm: join a live tuner's shared memory, never create one.
  SQLite::Database database = open_uri(path, "mode=ro&readonly_shm=1", SQLite::OPEN_READONLY);
  const Header header = read_header(database);
  require_ours(header, path);
  // Nobody writes a bundle. So it needs no locks, which some network file systems lack, and what
  // lies beside it is not its journal.
  if (has_seal(database)) return open_uri(path, "immutable=1", SQLite::OPEN_READONLY);
  const Log log = log_of(path);
  if (log.has_shared_memory || (!log.exists && !header.is_wal())) return database;
  if (expect_tuner || log.has_content) {
    throw SQLite::Exception("the write-ahead log needs recovery", SQLITE_READONLY_RECOVERY);
  }
  // A bare copy of a file that was in WAL mode. A plain opening would create the missing files;
  // without a tuner, nothing changes under an immutable one.
  return open_uri(path, "immutable=1", SQLite::OPEN_READONLY);
}

SQLite::Database open_for_tuning(const std::filesystem::path& path) {
  require_regular(path);
  SQLite::Database database =
      open_uri(path, "mode=rwc", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  const Header header = read_header(database);
  if (!header.is_empty()) require_ours(header, path);
  if (sqlite3_db_readonly(database.getHandle(), "main") == 1) {
    throw core::EnvironmentError(path.string() + " cannot be written",
                                 "Make the file writable, or pass another --db FILE.");
  }
  return database;
}

void begin_wal(SQLite::Database& database) {
  database.exec("PRAGMA synchronous=FULL");
  const std::string mode = database.execAndGet("PRAGMA journal_mode=WAL").getString();
  if (mode != "wal") {
    throw SQLite::Exception("no write-ahead log on this file system", SQLITE_CANTOPEN);
  }
  // Closing must leave the log where it is: without it, a file that is still in WAL mode because
  // a reader kept end_wal from succeeding could be read only by creating files.
  sqlite3_db_config(database.getHandle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

void end_wal(SQLite::Database& database) noexcept {
  sqlite3_busy_timeout(database.getHandle(), 0);
  sqlite3_exec(database.getHandle(), "PRAGMA journal_mode=DELETE", nullptr, nullptr, nullptr);
}

}  // namespace deepgemm::db
