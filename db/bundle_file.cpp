#include "db/bundle_file.h"

#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <set>

#include "core/error.h"
#include "core/sha256.h"
#include "core/version.h"
#include "db/bundle_seal.h"
#include "db/connection.h"
#include "db/cubin_rows.h"
#include "db/opening.h"
#include "db/recorded_rows.h"
#include "db/row_choice.h"
#include "db/schema.h"
#include "db/sqlite_errors.h"
#include "db/values.h"

namespace deepgemm::db {
namespace {

// Raised when what the table or the index means changes. 2: the index counts an environment's
// fields, which are more. 3: and says of each row whether a search chose it. 4: and of each family
// up to which m it was merged.
constexpr int kBundleFormat = 4;

constexpr const char* kOtherFolder =
    "Make its folder, or make it writable, or choose another --output FILE.";

std::uint32_t place_of(std::vector<core::Environment>& list, const core::Environment& wanted) {
  const auto found = std::find(list.begin(), list.end(), wanted);
  if (found != list.end()) return static_cast<std::uint32_t>(found - list.begin());
  list.push_back(wanted);
  return static_cast<std::uint32_t>(list.size() - 1);
}

bool has_table(const SQLite::Database& database) {
  SQLite::Statement query(database, "SELECT 1 FROM sqlite_schema WHERE name = 'bundle'");
  return query.executeStep();
}

void fill(SQLite::Database& database, const BundleContents& contents) {
  SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
  for (const WinnerRow& row : contents.winners) add(database, row);
  for (const TrialRow& row : contents.trials) add(database, row);
  for (const core::Cubin& cubin : contents.cubins) add(database, cubin);
  database.exec(
      "CREATE TABLE bundle (format INTEGER NOT NULL, device_id TEXT NOT NULL, "
      "library_version TEXT NOT NULL, \"index\" BLOB NOT NULL, index_sha256 TEXT NOT NULL) STRICT");
  const std::vector<char> index = encode(index_of(contents));
  SQLite::Statement insert(database, "INSERT INTO bundle VALUES (?, ?, ?, ?, ?)");
  insert.bind(1, kBundleFormat);
  insert.bind(2, contents.device_id);
  insert.bind(3, std::string(core::kVersion));
  bind_blob(insert, 4, index.data(), index.size());
  insert.bind(5, core::sha256_hex(index));
  insert.exec();
  transaction.commit();
}

SQLite::Database create_file(const std::filesystem::path& path,
                             const std::filesystem::path& target) {
  try {
    return {path.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE};
  } catch (const SQLite::Exception&) {
    // SQLite says that it cannot open the file; the reason lies in the folder.
    std::error_code ignored;
    const std::filesystem::path folder = std::filesystem::absolute(target).parent_path();
    const std::string why = std::filesystem::is_directory(folder, ignored)
                                ? "no file can be made in its folder"
                                : "there is no folder " + folder.string();
    throw core::EnvironmentError(target.string() + " cannot be written: " + why, kOtherFolder);
  }
}

// Errors name the target, which the user knows.
void write_unsealed(const BundleContents& contents, const std::filesystem::path& path,
                    const std::filesystem::path& target) {
  translated(target, [&] {
    SQLite::Database database = create_file(path, target);
    // Nobody sees the file before it is complete and synced; a journal would protect nothing.
    database.exec("PRAGMA journal_mode=OFF");
    database.exec("PRAGMA synchronous=OFF");
    create_schema(database);
    fill(database, contents);
    database.exec("VACUUM");
  });
}

// The file that is written beside the final one; removed unless it was published.
class Draft {
 public:
  explicit Draft(const std::filesystem::path& target) : target_(target), path_(target) {
    static std::atomic<int> serial{0};
    path_ += ".part-" + std::to_string(getpid()) + "-" + std::to_string(serial++);
    // Process numbers come again, in containers above all: a killed export may have left this one.
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  ~Draft() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  const std::filesystem::path& path() const { return path_; }
  void publish() {
    std::error_code error;
    std::filesystem::rename(path_, target_, error);
    if (error) {
      throw core::EnvironmentError(
          target_.string() + " cannot be replaced (" + error.message() + ")", kOtherFolder);
    }
    sync_folder(std::filesystem::absolute(target_).parent_path());
  }

 private:
  std::filesystem::path target_;
  std::filesystem::path path_;
};

// Also a damaged one, as long as its header is sound.
bool is_bundle_at(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return false;
  try {
    return looks_like_bundle(open_for_reading(path, false));
  } catch (const std::exception&) {
    return false;
  }
}

void require_replaceable(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error) || is_bundle_at(path)) return;
  throw core::UsageError(path.string() + " exists and is no bundle, so it is not overwritten",
                         "Move it away, or choose another --output FILE.");
}

}  // namespace

Index index_of(const BundleContents& contents) {
  Index index;
  std::map<std::string, std::uint32_t> kernels;
  for (const core::Cubin& cubin : contents.cubins) {
    kernels.emplace(cubin.key, static_cast<std::uint32_t>(index.kernels.size()));
    index.kernels.push_back({cubin.key, cubin.entry, core::sha256_hex(cubin.image), cubin.config});
  }
  std::map<decltype(core::order(core::GemmProblem{})), IndexedFamily> families;
  for (const WinnerRow& row : contents.winners) {
    const core::Winner& winner = row.winner;
    const core::GemmProblem any_m = any_m_of(winner.problem);
    IndexedFamily& family = families[core::order(any_m)];
    family.any_m = any_m;
    family.device_id = row.environment.device_id;
    family.rows.push_back({winner.problem.m, kernels.at(winner.kernel_key),
                           place_of(index.environments, row.environment), winner.measured,
                           winner.median_us, core::is_searched(winner)});
  }
  std::set<decltype(core::order(core::GemmProblem{}))> merged;
  for (const core::GemmProblem& each : contents.merged) {
    merged.insert(core::order(any_m_of(each)));
  }
  for (auto& [order, family] : families) {
    std::sort(family.rows.begin(), family.rows.end(),
              [](const IndexedRow& a, const IndexedRow& b) { return a.m < b.m; });
    const bool was_merged = merged.contains(order) || largest_made_by_export(family) > 0;
    if (was_merged) family.merged_up_to = family.rows.back().m;
    index.families.push_back(std::move(family));
  }
  for (const BundleContents::Fallback& fallback : contents.fallbacks) {
    index.fallbacks.push_back({fallback.operation, kernels.at(fallback.kernel_key),
                               place_of(index.environments, fallback.environment)});
  }
  return index;
}

void write_bundle(const BundleContents& contents, const std::filesystem::path& path) {
  require_replaceable(path);
  Draft draft(behind_links(path));
  write_unsealed(contents, draft.path(), path);
  append_seal(draft.path(), path);
  draft.publish();
}

bool looks_like_bundle(const SQLite::Database& database) {
  return has_seal(database) || has_table(database);
}

void require_sealed(const SQLite::Database& database, const std::filesystem::path& path) {
  const std::string again = "Copy it again from where it was exported, or export it anew.";
  if (!has_seal(database)) {
    throw core::UsageError(path.string() + " is a bundle that is incomplete: its end is missing",
                           again);
  }
  if (!has_right_seal(database)) {
    throw core::UsageError(path.string() + " is a damaged bundle: its checksum does not fit",
                           again);
  }
}

void require_known_format(const SQLite::Database& database, const std::filesystem::path& path) {
  SQLite::Statement query(database, "SELECT format FROM bundle");
  if (!query.executeStep()) throw_damaged(path, "its table 'bundle' is empty");
  const int format = query.getColumn(0).getInt();
  if (format > kBundleFormat) {
    throw core::UsageError(path.string() + " was written by a newer deepgemm (bundle format " +
                               std::to_string(format) + ", this one reads up to " +
                               std::to_string(kBundleFormat) + ")",
                           "Update this deepgemm, or pass another bundle.");
  }
}

BundleHead read_head(const SQLite::Database& database, const std::filesystem::path& path) {
  require_known_format(database, path);
  SQLite::Statement query(database,
                          "SELECT device_id, library_version, \"index\", index_sha256 FROM bundle");
  if (!query.executeStep()) throw_damaged(path, "its table 'bundle' is empty");
  std::vector<char> bytes;
  if (!read_value(query.getColumn(2), bytes) ||
      core::sha256_hex(bytes) != query.getColumn(3).getString()) {
    throw_damaged(path, "its index does not match its checksum");
  }
  std::optional<Index> index = decode(bytes);
  if (!index) throw_damaged(path, "its index cannot be read");
  return {query.getColumn(0).getString(), query.getColumn(1).getString(), std::move(*index)};
}

}  // namespace deepgemm::db
