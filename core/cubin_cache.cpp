#include "core/cubin_cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <system_error>

#include "core/error.h"
#include "core/sha256.h"

namespace deepgemm::core {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMagic = "deepgemm-cubin 1";

// Everything after the first line, whose SHA-256 that line holds.
std::string encode(const Cubin& cubin) {
  std::ostringstream body;
  body << cubin.key << '\n'
       << cubin.entry << '\n'
       << to_string(cubin.config) << '\n'
       << cubin.build.registers << ' ' << cubin.build.spill_bytes << ' ' << cubin.build.shared_bytes
       << '\n';
  body.write(cubin.image.data(), static_cast<std::streamsize>(cubin.image.size()));
  return body.str();
}

std::optional<Cubin> decode(const std::string& body, const std::string& key) {
  std::istringstream in(body);
  Cubin cubin;
  std::string config;
  if (!std::getline(in, cubin.key) || cubin.key != key || !std::getline(in, cubin.entry) ||
      !std::getline(in, config)) {
    return std::nullopt;
  }
  in >> cubin.build.registers >> cubin.build.spill_bytes >> cubin.build.shared_bytes;
  in.ignore(1);
  cubin.config = parse_config(config);
  const auto start = static_cast<std::size_t>(in.tellg());
  cubin.image.assign(body.begin() + static_cast<std::ptrdiff_t>(start), body.end());
  return cubin;
}

}  // namespace

CubinCache::CubinCache(const fs::path& folder) : folder_(folder) {
  std::error_code error;
  if (folder.has_parent_path()) fs::create_directories(folder.parent_path(), error);
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    throw EnvironmentError(
        "The kernel cache " + folder.string() + " cannot be created: " + std::strerror(errno),
        "Choose a folder that can be written, with --cache or XDG_CACHE_HOME.");
  }
  struct stat status {};
  if (lstat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode) ||
      status.st_uid != geteuid() || (status.st_mode & 077) != 0) {
    throw EnvironmentError(
        "The kernel cache " + folder.string() + " is not a folder private to this user",
        "Own it and set its mode to 0700, or choose another with --cache.");
  }
}

fs::path CubinCache::file_of(const std::string& key) const { return folder_ / (key + ".cubin"); }

std::optional<Cubin> CubinCache::load(const std::string& key) const {
  std::ifstream file(file_of(key), std::ios::binary);
  if (!file) return std::nullopt;
  std::string magic;
  std::string hash;
  std::getline(file, magic);
  std::getline(file, hash);
  std::ostringstream rest;
  rest << file.rdbuf();
  const std::string body = rest.str();
  std::optional<Cubin> cubin;
  if (magic == kMagic && hash == sha256_hex(body)) cubin = decode(body, key);
  std::error_code ignored;
  if (!cubin) fs::remove(file_of(key), ignored);
  return cubin;
}

std::string CubinCache::save(const Cubin& cubin) const {
  static std::atomic<int> serial{0};
  const fs::path temporary = folder_ / (cubin.key + "." + std::to_string(getpid()) + "." +
                                        std::to_string(serial++) + ".tmp");
  const std::string body = encode(cubin);
  {
    std::ofstream file(temporary, std::ios::binary);
    file << kMagic << '\n' << sha256_hex(body) << '\n' << body;
    file.close();
    if (!file) {
      std::error_code ignored;
      fs::remove(temporary, ignored);
      return "the kernel cache " + folder_.string() + " cannot be written";
    }
  }
  std::error_code error;
  fs::rename(temporary, file_of(cubin.key), error);
  return error ? "the kernel cache " + folder_.string() + ": " + error.message() : "";
}

}  // namespace deepgemm::core
