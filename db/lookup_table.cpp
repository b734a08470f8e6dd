#include "db/lookup_table.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <tuple>

#include "core/key.h"

namespace deepgemm::db {
namespace {

// n and k first: they tell families apart, so that a comparison rarely needs the rest.
auto key_of(const core::GemmProblem& problem) {
  return std::tuple(problem.n, problem.k, problem.operation, problem.groups, problem.alignment,
                    problem.recipe, problem.output);
}

// Of what key_of holds, as far as it tells most families apart. Multiplied by an odd number that
// spreads low bits upwards (2^64 over the golden ratio), so that the highest ones mix all.
std::uint64_t hash_of(const core::GemmProblem& problem) {
  const auto n = static_cast<std::uint64_t>(problem.n);
  const auto k = static_cast<std::uint64_t>(problem.k);
  const auto rest = static_cast<std::uint64_t>(problem.operation) << 16 ^
                    static_cast<std::uint64_t>(problem.groups);
  return ((n << 32 ^ k) + (rest << 30)) * 0x9e3779b97f4a7c15;
}

// Whether rows of `family` replace those that are held: rows of the own kind of GPU do for any
// other, and of other kinds measured rows for predicted ones; else whoever comes first in a layer,
// which is in the order of db/row_choice.h.
bool is_better(const IndexedFamily& family, const LayeredFamily& held,
               const std::string& device_id) {
  if (held.rows.empty()) return true;
  if (held.device_id == device_id || held.device_id == family.device_id) return false;
  if (family.device_id == device_id) return true;
  return std::ranges::any_of(family.rows, &IndexedRow::measured) &&
         std::ranges::none_of(held.rows, &LayeredFamily::Row::measured);
}

// Rows whose m an upper layer has, or serves, are left out.
void add_rows(LayeredFamily& held, const IndexedFamily& family, std::uint32_t layer) {
  for (const IndexedRow& row : family.rows) {
    if (row.m <= held.merged_up_to) continue;
    const auto place = std::ranges::lower_bound(held.tuned, row.m) - held.tuned.begin();
    if (place < std::ssize(held.tuned) && held.tuned[static_cast<std::size_t>(place)] == row.m) {
      continue;
    }
    held.tuned.insert(held.tuned.begin() + place, row.m);
    held.rows.insert(
        held.rows.begin() + place,
        {{layer, row.kernel}, row.environment, row.measured, row.time_us, row.searched});
  }
  held.merged_up_to = std::max(held.merged_up_to, family.merged_up_to);
}

// In powers of two, over all three extents and the groups.
double distance(const core::GemmProblem& a, const core::GemmProblem& any_m, std::int64_t m) {
  const auto apart = [](std::int64_t x, std::int64_t y) {
    return std::abs(std::log2(static_cast<double>(x) / static_cast<double>(y)));
  };
  return apart(a.m, m) + apart(a.n, any_m.n) + apart(a.k, any_m.k) + apart(a.groups, any_m.groups);
}

bool can_stand_in(const core::GemmProblem& a, const core::GemmProblem& b) {
  return a.operation == b.operation && a.recipe == b.recipe && a.output == b.output;
}

}  // namespace

LookupTable::LookupTable(std::span<const Index* const> layers, std::string device_id)
    : device_id_(std::move(device_id)) {
  std::map<decltype(key_of(core::GemmProblem{})), LayeredFamily> families;
  for (std::uint32_t layer = 0; layer < layers.size(); ++layer) {
    for (const IndexedFamily& family : layers[layer]->families) {
      LayeredFamily& held = families[key_of(family.any_m)];
      if (is_better(family, held, device_id_)) held = {family.any_m, family.device_id, {}, {}, 0};
      if (family.device_id == held.device_id) add_rows(held, family, layer);
    }
    for (const IndexedFallback& fallback : layers[layer]->fallbacks) {
      fallbacks_.emplace_back(fallback.operation, KernelPlace{layer, fallback.kernel});
    }
  }
  families_.reserve(families.size());
  for (auto& [key, family] : families) families_.push_back(std::move(family));
  index_families();
}

void LookupTable::index_families() {
  places_.assign(std::bit_ceil(2 * families_.size() + 2), 0);
  hash_shift_ = 64 - std::countr_zero(places_.size());
  for (std::size_t i = 0; i < families_.size(); ++i) {
    std::size_t entry = hash_of(families_[i].any_m) >> hash_shift_;
    while (places_[entry] != 0) entry = (entry + 1) & (places_.size() - 1);
    places_[entry] = static_cast<std::uint32_t>(i + 1);
  }
}

LookupTable::Answer LookupTable::find(const core::GemmProblem& problem) const {
  const auto wanted = key_of(problem);
  const std::size_t mask = places_.size() - 1;
  for (std::size_t entry = hash_of(problem) >> hash_shift_; places_[entry] != 0;
       entry = (entry + 1) & mask) {
    const LayeredFamily& family = families_[places_[entry] - 1];
    if (key_of(family.any_m) != wanted) continue;
    const auto row = core::find_row(family.tuned, problem.m);
    return row ? Answer{&family, *row} : Answer{};
  }
  return {};
}

core::Match LookupTable::match(const Answer& answer, const core::GemmProblem& problem) const {
  if (answer.family == nullptr) return core::Match::kNone;
  if (answer.family->device_id != device_id_) return core::Match::kOtherDevice;
  return answer.family->tuned[answer.row] == problem.m ? core::Match::kExact : core::Match::kBucket;
}

LookupTable::Answer LookupTable::nearest(const core::GemmProblem& problem) const {
  Answer best;
  double least = std::numeric_limits<double>::infinity();
  for (const LayeredFamily& family : families_) {
    if (!can_stand_in(family.any_m, problem)) continue;
    const auto row = core::find_row(family.tuned, problem.m);
    if (!row) continue;
    const double apart = distance(problem, family.any_m, family.tuned[*row]);
    if (apart >= least) continue;
    least = apart;
    best = {&family, *row};
  }
  return best;
}

std::optional<KernelPlace> LookupTable::fallback(core::Operation operation) const {
  for (const auto& [of, place] : fallbacks_) {
    if (of == operation) return place;
  }
  return std::nullopt;
}

}  // namespace deepgemm::db
