#include "db/catalog.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "core/error.h"
#include "core/sha256.h"
#include "db/bundle_file.h"
#include "db/connection.h"
#include "db/cubin_rows.h"
#include "db/row_choice.h"
#include "db/sqlite_errors.h"
#include "db/tuning_db.h"
#include "kernels/dense_source.h"

namespace deepgemm::db {
namespace {

// nullptr where the file is no bundle, or one that cannot be told from a database that a tuner
// just opens: TuningDb waits for that one and refuses a damaged bundle.
std::unique_ptr<SQLite::Database> open_bundle(const std::filesystem::path& path) {
  try {
    auto database = std::make_unique<SQLite::Database>(open_for_reading(path, false));
    return looks_like_bundle(*database) ? std::move(database) : nullptr;
  } catch (const SQLite::Exception&) {
    return nullptr;
  }
}

// The winners of a database, as a bundle's index has them.
class IndexBuilder {
 public:
  IndexBuilder(std::span<const WinnerRow> winners, const core::Environment& here) {
    const FamilyTable families(winners, here);
    for (const auto& kinds : families.all()) {
      for (const Family& family : kinds) add(family);
    }
  }

  Index take() { return std::move(index_); }

 private:
  void add(const Family& family) {
    IndexedFamily indexed{any_m_of(family.rows.front()->winner.problem), family.device_id, {}};
    for (const WinnerRow* row : family.rows) {
      indexed.rows.push_back({row->winner.problem.m, kernel_of(row->winner),
                              environment_of(row->environment), row->winner.measured,
                              row->winner.median_us, core::is_searched(row->winner)});
    }
    indexed.merged_up_to = largest_made_by_export(indexed);
    index_.families.push_back(std::move(indexed));
  }

  std::uint32_t kernel_of(const core::Winner& winner) {
    const auto [place, is_new] = kernels_.emplace(winner.kernel_key, index_.kernels.size());
    if (is_new) index_.kernels.push_back({winner.kernel_key, "", "", winner.config});
    return static_cast<std::uint32_t>(place->second);
  }

  std::uint32_t environment_of(const core::Environment& environment) {
    auto& list = index_.environments;
    const auto found = std::find(list.begin(), list.end(), environment);
    const auto place = static_cast<std::uint32_t>(found - list.begin());
    if (found == list.end()) list.push_back(environment);
    return place;
  }

  Index index_;
  std::map<std::string, std::size_t> kernels_;
};

// As db/row_choice.h passes over the rows of a database. Returns the families that had no others.
std::vector<core::GemmProblem> leave_out_unlaunchable(Index& index) {
  const auto is_unlaunchable = [&index](const auto& row) {
    return index.kernels[row.kernel].entry != kernels::kDenseEntry;
  };
  std::vector<core::GemmProblem> passed_over;
  for (IndexedFamily& family : index.families) {
    std::erase_if(family.rows, is_unlaunchable);
    if (family.rows.empty()) passed_over.push_back(family.any_m);
  }
  std::erase_if(index.families, [](const IndexedFamily& each) { return each.rows.empty(); });
  std::erase_if(index.fallbacks, is_unlaunchable);
  return passed_over;
}

std::vector<core::GemmProblem> families_passed_over(std::span<const WinnerRow> winners) {
  std::set<decltype(core::order(core::GemmProblem{}))> answering;
  for (const WinnerRow& row : winners) {
    if (row.is_launchable) answering.insert(core::order(any_m_of(row.winner.problem)));
  }
  std::vector<core::GemmProblem> passed_over;
  for (const WinnerRow& row : winners) {
    const core::GemmProblem any_m = any_m_of(row.winner.problem);
    if (answering.insert(core::order(any_m)).second) passed_over.push_back(any_m);
  }
  return passed_over;
}

}  // namespace

// Where images come from: a bundle's table, or a database.
class Catalog::Source {
 public:
  explicit Source(std::unique_ptr<SQLite::Database> bundle) : bundle_(std::move(bundle)) {}
  explicit Source(std::unique_ptr<TuningDb> database) : database_(std::move(database)) {}

  std::optional<core::Cubin> read(const std::filesystem::path& path, const std::string& key) const {
    if (database_) return database_->cubin(key);
    return translated(path, [&] { return read_cubin(*bundle_, path, key); });
  }

 private:
  std::unique_ptr<SQLite::Database> bundle_;
  std::unique_ptr<TuningDb> database_;
};

Catalog::Catalog(const std::filesystem::path& path, const core::Environment& here) : path_(path) {
  if (auto bundle = open_bundle(path)) {
    index_ = translated(path, [&] { return read_head(*bundle, path).index; });
    passed_over_ = leave_out_unlaunchable(index_);
    source_ = std::make_unique<Source>(std::move(bundle));
    return;
  }
  auto database = std::make_unique<TuningDb>(path, OpenMode::kReadOnly);
  const std::vector<WinnerRow> winners = database->winners();
  index_ = IndexBuilder(winners, here).take();
  passed_over_ = families_passed_over(winners);
  source_ = std::make_unique<Source>(std::move(database));
}

Catalog::~Catalog() = default;
Catalog::Catalog(Catalog&&) noexcept = default;
Catalog& Catalog::operator=(Catalog&&) noexcept = default;

core::Cubin Catalog::cubin(const IndexedKernel& kernel) const {
  std::optional<core::Cubin> cubin = source_->read(path_, kernel.key);
  const std::string& vouched = kernel.image_sha256;
  if (!cubin && !vouched.empty()) throw_damaged(path_, "it has no kernel " + kernel.key);
  if (!cubin) {
    throw core::UsageError(path_.string() + " has a winner but not its kernel " + kernel.key,
                           "Run deepgemm-tune --force on the shape, or pass a complete database.");
  }
  if (!vouched.empty() && (vouched != core::sha256_hex(cubin->image) ||
                           kernel.entry != cubin->entry || kernel.config != cubin->config)) {
    throw_damaged(path_, "kernel " + kernel.key + " is not the one that its index names");
  }
  return *std::move(cubin);
}

}  // namespace deepgemm::db
