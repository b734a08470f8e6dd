// Compiled kernels on disk, shared by all processes of one user.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "core/store.h"

namespace deepgemm::core {

// One file per kernel key. A file is published by rename, so that a reader sees a whole entry or
// none, and carries its own SHA-256, so that a damaged one counts as absent: code is loaded into
// the GPU from here.
class CubinCache {
 public:
  // Creates the folder, mode 0700. Throws EnvironmentError where it belongs to another user, is
  // open to others, or cannot be made.
  explicit CubinCache(const std::filesystem::path& folder);

  // nullopt where there is no entry, or a damaged one, which is removed.
  std::optional<Cubin> load(const std::string& key) const;
  // A full or read-only disk is no failure of the work: returns why nothing was kept, or "".
  std::string save(const Cubin& cubin) const;

 private:
  std::filesystem::path file_of(const std::string& key) const;

  std::filesystem::path folder_;
};

}  // namespace deepgemm::core
