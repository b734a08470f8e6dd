#include "db/bundle_seal.h"

#include <SQLiteCpp/Exception.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/sha256.h"

namespace deepgemm::db {
namespace {

constexpr std::size_t kBlock = std::size_t{1} << 20;
// Length of every seal. It is text, so that `tail -c 160` shows it.
constexpr std::size_t kSealBytes = 160;
constexpr std::string_view kMarker = "deepgemm bundle complete";

std::string seal_text(std::int64_t bytes, const std::string& sha256) {
  std::string text = "\n" + std::string(kMarker) + ": " + std::to_string(bytes) +
                     " bytes before this line, sha256 " + sha256 + "\n";
  // Line ends in front: the sentence ends the file.
  return std::string(kSealBytes - text.size(), '\n') + text;
}

sqlite3_file* file_of(const SQLite::Database& database) {
  sqlite3_file* file = nullptr;
  const int code =
      sqlite3_file_control(database.getHandle(), "main", SQLITE_FCNTL_FILE_POINTER, &file);
  if (code != SQLITE_OK) throw SQLite::Exception(sqlite3_errstr(code), code);
  return file;
}

std::int64_t size_of(sqlite3_file* file) {
  sqlite3_int64 size = 0;
  const int code = file->pMethods->xFileSize(file, &size);
  if (code != SQLITE_OK) throw SQLite::Exception(sqlite3_errstr(code), code);
  return size;
}

void read_at(sqlite3_file* file, char* to, std::size_t bytes, std::int64_t offset) {
  const int code = file->pMethods->xRead(file, to, static_cast<int>(bytes), offset);
  if (code != SQLITE_OK) throw SQLite::Exception(sqlite3_errstr(code), code);
}

[[noreturn]] void throw_unwritten(const std::filesystem::path& path, int error) {
  throw core::EnvironmentError(path.string() + " cannot be written (" + std::strerror(error) + ")",
                               "Free some space or choose another folder, then export again.");
}

// Closes in any case.
struct Descriptor {
  explicit Descriptor(int opened) : value(opened) {}
  ~Descriptor() {
    if (value >= 0) close(value);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int value;
};

// Empty where the file is shorter than a seal.
std::string last_bytes(const SQLite::Database& database) {
  sqlite3_file* file = file_of(database);
  const std::int64_t start = size_of(file) - static_cast<std::int64_t>(kSealBytes);
  if (start < 0) return "";
  std::string text(kSealBytes, '\0');
  read_at(file, text.data(), text.size(), start);
  return text;
}

}  // namespace

bool has_seal(const SQLite::Database& database) {
  return last_bytes(database).find(kMarker) != std::string::npos;
}

bool has_right_seal(const SQLite::Database& database) {
  sqlite3_file* file = file_of(database);
  const std::int64_t end = size_of(file) - static_cast<std::int64_t>(kSealBytes);
  core::Sha256 hash;
  std::vector<char> block(kBlock);
  for (std::int64_t at = 0; at < end;) {
    const auto take = static_cast<std::size_t>(
        std::min<std::int64_t>(end - at, static_cast<std::int64_t>(block.size())));
    read_at(file, block.data(), take, at);
    hash.update({block.data(), take});
    at += static_cast<std::int64_t>(take);
  }
  return end >= 0 && last_bytes(database) == seal_text(end, hash.hex());
}

void append_seal(const std::filesystem::path& path, const std::filesystem::path& name) {
  const Descriptor file(open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (file.value < 0) throw_unwritten(name, errno);
  core::Sha256 hash;
  std::vector<char> block(kBlock);
  std::int64_t bytes = 0;
  for (ssize_t got; (got = pread(file.value, block.data(), block.size(), bytes)) != 0;) {
    if (got < 0) throw_unwritten(name, errno);
    hash.update({block.data(), static_cast<std::size_t>(got)});
    bytes += got;
  }
  const std::string text = seal_text(bytes, hash.hex());
  const ssize_t written = pwrite(file.value, text.data(), text.size(), bytes);
  if (written != static_cast<ssize_t>(text.size())) {
    throw_unwritten(name, written < 0 ? errno : ENOSPC);
  }
  if (fchmod(file.value, 0444) != 0 || fsync(file.value) != 0) throw_unwritten(name, errno);
}

void sync_folder(const std::filesystem::path& folder) {
  const Descriptor opened(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened.value >= 0) fsync(opened.value);
}

}  // namespace deepgemm::db
