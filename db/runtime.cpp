#include "db/runtime.h"

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "core/key.h"

namespace deepgemm::db {
namespace {

using Extent = std::pair<std::int64_t, std::int64_t>;

std::map<Extent, std::vector<WinnerRow>> by_shape(std::vector<WinnerRow> rows) {
  std::map<Extent, std::vector<WinnerRow>> groups;
  for (WinnerRow& row : rows) {
    const core::GemmProblem& problem = row.winner.problem;
    if (problem.operation != core::Operation::kDense) continue;
    groups[{problem.n, problem.k}].push_back(std::move(row));
  }
  return groups;
}

core::GemmProblem any_m(std::int64_t n, std::int64_t k) {
  core::GemmProblem problem;
  problem.m = 1;
  problem.n = n;
  problem.k = k;
  return problem;
}

}  // namespace

Runtime::Runtime(std::unique_ptr<TuningDb> database, std::string device_id)
    : database_(std::move(database)), device_id_(std::move(device_id)) {
  for (auto& [extent, winners] : by_shape(database_->winners())) {
    const auto [n, k] = extent;
    Shape shape{n, k, std::move(winners), {}, {}};
    shape.family = family_for(shape.winners, any_m(n, k), device_id_);
    for (const WinnerRow* row : shape.family.rows) {
      shape.slots.push_back(&slot_for(row->winner.kernel_key));
    }
    // Moving a vector keeps its elements where they are, so the family stays valid.
    shapes_.push_back(std::move(shape));
  }
}

core::Lookup Runtime::find(const core::GemmProblem& problem) const {
  const Shape* shape = shape_of(problem);
  return look_up(shape == nullptr ? Family{} : shape->family, problem, device_id_);
}

const core::DenseKernel* Runtime::kernel(const core::GemmProblem& problem) {
  const Shape* shape = shape_of(problem);
  if (shape == nullptr) return nullptr;
  const auto row = core::find_row(shape->family.tuned, problem.m);
  if (!row) return nullptr;
  Slot& slot = *shape->slots[*row];
  const core::DenseKernel* ready = slot.ready.load(std::memory_order_acquire);
  return ready != nullptr ? ready : load(slot);
}

const Runtime::Shape* Runtime::shape_of(const core::GemmProblem& problem) const {
  const Extent wanted{problem.n, problem.k};
  const auto found = std::lower_bound(shapes_.begin(), shapes_.end(), wanted,
                                      [](const Shape& shape, const Extent& extent) {
                                        return Extent{shape.n, shape.k} < extent;
                                      });
  if (found == shapes_.end() || Extent{found->n, found->k} != wanted) return nullptr;
  return &*found;
}

Runtime::Slot& Runtime::slot_for(const std::string& key) {
  std::unique_ptr<Slot>& slot = slots_[key];
  if (slot == nullptr) {
    slot = std::make_unique<Slot>();
    slot->key = key;
  }
  return *slot;
}

const core::DenseKernel* Runtime::load(Slot& slot) {
  const std::lock_guard lock(loading_);
  if (slot.owner != nullptr) return slot.owner.get();
  std::optional<core::Cubin> cubin;
  try {
    cubin = database_->cubin(slot.key);
  } catch (const core::EnvironmentError& error) {
    // To the caller, a file that cannot be read is a bad database; what the driver refuses is not.
    throw core::UsageError(error.what(), error.next_step());
  }
  if (!cubin) {
    throw core::UsageError(
        database_->path().string() + " has a winner but not its kernel " + slot.key,
        "Run deepgemm-tune --force on the shape, or pass a complete database.");
  }
  slot.owner = std::make_unique<core::DenseKernel>(*cubin);
  slot.ready.store(slot.owner.get(), std::memory_order_release);
  return slot.owner.get();
}

}  // namespace deepgemm::db
