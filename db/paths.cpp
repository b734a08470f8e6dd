#include <cstdlib>

#include "db/tuning_db.h"

namespace deepgemm::db {
namespace {

// The XDG rules say that a relative or empty value counts as unset.
std::filesystem::path folder_from(const char* variable) {
  const char* value = std::getenv(variable);
  const std::filesystem::path folder = value == nullptr ? "" : value;
  return folder.is_absolute() ? folder : std::filesystem::path{};
}

}  // namespace

std::filesystem::path default_database_path() {
  const char* chosen = std::getenv("DEEPGEMM_DB");
  if (chosen != nullptr && *chosen != '\0') return chosen;
  std::filesystem::path data = folder_from("XDG_DATA_HOME");
  if (data.empty()) {
    const std::filesystem::path home = folder_from("HOME");
    data = (home.empty() ? std::filesystem::path(".") : home) / ".local" / "share";
  }
  return data / "deepgemm" / "tuning.db";
}

}  // namespace deepgemm::db
