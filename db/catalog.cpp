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
  IndexBuilder(std::span<const WinnerRow> winners, core::Environment here) {
    std::set<std::string> devices;
    for (const WinnerRow& row : winners) devices.insert(row.environment.device_id);
    for (const std::string& device : devices) {
      here.device_id = device;
      for (const WinnerRow* row : best_rows(winners, here)) add(*row);
    }
  }

  Index take() { return std::move(index_); }

 private:
  // Rows of one family come one after the other, by rising m.
  void add(const WinnerRow& row) {
    core::GemmProblem any_m = row.winner.problem;
    any_m.m = 1;
    const std::string& device = row.environment.device_id;
    if (index_.families.empty() || index_.families.back().device_id != device ||
        core::order(index_.families.back().any_m) != core::order(any_m)) {
      index_.families.push_back({any_m, device, {}});
    }
    index_.families.back().rows.push_back({row.winner.problem.m, kernel_of(row.winner),
                                           environment_of(row.environment), row.winner.measured,
                                           row.winner.median_us, core::is_searched(row.winner)});
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

// Kernels of other sources may want other parameters than this library would pass.
std::vector<WinnerRow> launchable_winners(const TuningDb& database) {
  std::vector<WinnerRow> winners = database.winners();
  const std::set<std::string> others = database.kernels_not_named(kernels::kDenseEntry);
  std::erase_if(winners,
                [&](const WinnerRow& each) { return others.contains(each.winner.kernel_key); });
  return winners;
}

void leave_out_unlaunchable(Index& index) {
  const auto is_unlaunchable = [&index](const auto& row) {
    return index.kernels[row.kernel].entry != kernels::kDenseEntry;
  };
  for (IndexedFamily& family : index.families) std::erase_if(family.rows, is_unlaunchable);
  std::erase_if(index.families, [](const IndexedFamily& each) { return each.rows.empty(); });
  std::erase_if(index.fallbacks, is_unlaunchable);
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
    leave_out_unlaunchable(index_);
    source_ = std::make_unique<Source>(std::move(bundle));
    return;
  }
  auto database = std::make_unique<TuningDb>(path, OpenMode::kReadOnly);
  index_ = IndexBuilder(launchable_winners(*database), here).take();
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
