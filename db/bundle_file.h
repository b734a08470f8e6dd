// The file format of an export bundle: a tuning database that will not change any more, with one
// table that describes it, and behind SQLite's last page a seal that covers every byte before it.
#pragma once

#include <SQLiteCpp/Database.h>

#include <filesystem>
#include <string>
#include <vector>

#include "core/store.h"
#include "db/bundle_index.h"
#include "db/tuning_db.h"

namespace deepgemm::db {

// What goes into a bundle. Cubins of winners, of the fallbacks and of whatever else has evidence;
// the index is made from `winners` and `fallbacks`, whose kernels must be among the cubins.
struct BundleContents {
  struct Fallback {
    core::Operation operation = core::Operation::kDense;
    std::string kernel_key;
    core::Environment environment;
  };

  std::string device_id;
  std::vector<WinnerRow> winners;  // one per problem
  // A problem of any m of each n and k whose rows were merged as a whole; also of such whose rows
  // are all as they were tuned.
  std::vector<core::GemmProblem> merged;
  std::vector<TrialRow> trials;
  std::vector<core::Cubin> cubins;
  std::vector<Fallback> fallbacks;
};

Index index_of(const BundleContents& contents);

// Writes beside `path` (of a symbolic link: beside the file that it names), syncs, renames: no
// reader ever sees a part. Equal contents give equal bytes. Replaces an older bundle, but no other
// file: throws UsageError. Throws EnvironmentError
// where the folder cannot be written or the disk is full; `path` is then as it was.
void write_bundle(const BundleContents& contents, const std::filesystem::path& path);

// Whether a database of ours, as open_for_reading gives it, has the seal or describes itself as a
// bundle. Reads two blocks.
bool looks_like_bundle(const SQLite::Database& database);

// Reads the whole file. Throws UsageError where the seal is missing or does not fit the bytes.
void require_sealed(const SQLite::Database& database, const std::filesystem::path& path);

// Throws UsageError where a newer deepgemm wrote it in a form that this one does not know.
void require_known_format(const SQLite::Database& database, const std::filesystem::path& path);

// What the table says: checks the index against its own checksum, not the rest of the file. Throws
// UsageError where it is damaged or newer.
struct BundleHead {
  std::string device_id;
  std::string library_version;
  Index index;
};
BundleHead read_head(const SQLite::Database& database, const std::filesystem::path& path);

}  // namespace deepgemm::db
