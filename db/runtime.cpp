#include "db/runtime.h"

#include <utility>

#include "core/default_config.h"
#include "core/error.h"
#include "db/row_choice.h"

namespace deepgemm::db {
namespace {

LookupTable table_of(const std::vector<Catalog>& layers, const std::string& device_id) {
  std::vector<const Index*> indices;
  for (const Catalog& layer : layers) indices.push_back(&layer.index());
  return LookupTable(indices, device_id);
}

std::vector<core::StalenessGrade> grades_of(const Index& index, const core::Environment& here) {
  std::vector<core::StalenessGrade> grades;
  for (const core::Environment& environment : index.environments) {
    grades.push_back(core::grade(environment, here));
  }
  return grades;
}

std::uint32_t environment_of_fallback(const Index& index, std::uint32_t kernel) {
  for (const IndexedFallback& fallback : index.fallbacks) {
    if (fallback.kernel == kernel) return fallback.environment;
  }
  return 0;
}

}  // namespace

Runtime::Runtime(std::vector<Catalog> layers, const core::DeviceInfo& device,
                 const core::Environment& here, Compile compile, const core::HomeContext* home)
    : layers_(std::move(layers)),
      device_(device),
      compile_(std::move(compile)),
      home_(home),
      table_(table_of(layers_, device.id)) {
  for (const Catalog& layer : layers_) {
    for (const core::GemmProblem& any_m : layer.passed_over()) {
      passed_over_.insert(core::order(any_m));
    }
    grades_.push_back(grades_of(layer.index(), here));
    std::vector<Slot>& slots = slots_.emplace_back(layer.index().kernels.size());
    for (std::size_t i = 0; i < slots.size(); ++i) {
      slots[i].kernel = &layer.index().kernels[i];
      slots[i].from = &layer;
      slots[i].config = layer.index().kernels[i].config;
      slots[i].description = core::to_string(slots[i].config);
    }
  }
}

Found Runtime::find(const core::GemmProblem& problem, MissPolicy policy) {
  const Choice choice = choose(problem, policy);
  Found found;  // returned in place: its text is never copied
  found.match = choice.match;
  say_why(found.reason, choice, problem, policy);
  if (choice.slot == nullptr) {
    if (was_passed_over(problem)) found.grade = &grade_of_another_launch();
    return found;
  }
  Slot& slot = *choice.slot;
  found.config = &slot.description;
  if (slot.from == nullptr) return found;
  found.kernel = slot.kernel;
  found.file = &slot.from->path();
  const bool has_row = choice.answer.family != nullptr;
  if (has_row) found.row = &choice.answer.family->rows[choice.answer.row];
  const std::uint32_t environment =
      has_row ? found.row->environment
              : environment_of_fallback(slot.from->index(), choice.place.kernel);
  found.grade = &grades_[choice.place.layer][environment];
  return found;
}

bool Runtime::was_passed_over(const core::GemmProblem& problem) const {
  return passed_over_.contains(core::order(any_m_of(problem)));
}

const core::GemmKernel* Runtime::kernel(const core::GemmProblem& problem, MissPolicy policy) {
  const Choice choice = choose(problem, policy);
  if (choice.slot == nullptr) return nullptr;
  const core::GemmKernel* ready = choice.slot->ready.load(std::memory_order_acquire);
  return ready != nullptr ? ready : load(*choice.slot);
}

Runtime::Choice Runtime::choose(const core::GemmProblem& problem, MissPolicy policy) {
  const LookupTable::Answer answer = table_.find(problem);
  if (answer.family == nullptr) return choose_for_miss(problem, policy);
  const KernelPlace place = answer.family->rows[answer.row].place;
  return {table_.match(answer, problem), &slot_at(place), answer, place};
}

Runtime::Choice Runtime::choose_for_miss(const core::GemmProblem& problem, MissPolicy policy) {
  switch (policy) {
    case MissPolicy::kError:
      break;
    case MissPolicy::kNearest:
      if (const auto answer = table_.nearest(problem); answer.family != nullptr) {
        const KernelPlace place = answer.family->rows[answer.row].place;
        return {core::Match::kNearest, &slot_at(place), answer, place};
      }
      break;
    case MissPolicy::kFallback:
      if (const auto place = table_.fallback(problem.operation)) {
        return {core::Match::kFallback, &slot_at(*place), {}, *place};
      }
      break;
    case MissPolicy::kCompile:
      return {core::Match::kCompiled, &compiled_slot(problem), {}, {}};
  }
  return {};
}

void Runtime::say_why(Clause& text, const Choice& choice, const core::GemmProblem& problem,
                      MissPolicy policy) const {
  const auto& [family, row] = choice.answer;
  if (choice.match == core::Match::kExact || choice.match == core::Match::kBucket ||
      choice.match == core::Match::kOtherDevice) {
    const LayeredFamily::Row& answer = family->rows[row];
    say_why_row(text, family->tuned, row, {answer.measured, answer.searched}, problem.m);
    if (choice.match != core::Match::kOtherDevice) return;
    text << " on " << family->device_id << ", not on " << device_.id;
    return;
  }
  say_why_none(text, problem, was_passed_over(problem));
  switch (choice.match) {
    case core::Match::kNearest:
      text << "; the nearest row is " << family->tuned[row] << "x" << family->any_m.n << "x"
           << family->any_m.k;
      if (family->any_m.groups > 1) text << " in " << family->any_m.groups << " groups";
      text << " on " << family->device_id;
      return;
    case core::Match::kFallback:
      text << "; the bundle's fallback runs";
      return;
    case core::Match::kCompiled:
      text << "; the untuned default is compiled";
      return;
    default:
      break;
  }
  if (policy == MissPolicy::kNearest) text << " and no row of this operation is there";
  if (policy == MissPolicy::kFallback) {
    text << " and no layer is a bundle with a fallback for " << core::name(problem.operation)
         << " products";
  }
  text << "; run deepgemm-tune " << core::command_text(problem);
}

// Problems with the same default share its slot: servers meet many m, and a module of each would
// fill the GPU's memory.
Runtime::Slot& Runtime::compiled_slot(const core::GemmProblem& problem) {
  const auto key = core::order(problem);
  {
    const std::shared_lock lock(compiling_);
    const auto found = compiled_for_.find(key);
    if (found != compiled_for_.end()) return *found->second;
  }
  const core::GemmConfig config = core::default_config(problem, device_);
  std::string description = core::to_string(config);
  const std::unique_lock lock(compiling_);
  const auto [place, is_new] = compiled_.try_emplace(description);
  Slot& slot = place->second;
  if (is_new) {
    slot.config = config;
    slot.description = std::move(description);
  }
  compiled_for_.emplace(key, &slot);
  return slot;
}

const core::GemmKernel* Runtime::load(Slot& slot) {
  const std::lock_guard lock(loading_);
  if (slot.owner == nullptr) {
    const core::Cubin cubin = cubin_of(slot);
    const core::HomeScope in_home(home_);
    slot.owner = std::make_unique<core::GemmKernel>(cubin);
    slot.ready.store(slot.owner.get(), std::memory_order_release);
  }
  return slot.owner.get();
}

core::Cubin Runtime::cubin_of(const Slot& slot) {
  if (slot.from == nullptr) {
    core::BuildResult built = compile_(slot.config);
    if (built.cubin) return *std::move(built.cubin);
    throw core::EnvironmentError(
        "the compiler refuses the config " + core::to_string(slot.config) + ": " + built.failure,
        "Tune the shape, or ask for another miss policy.");
  }
  try {
    return slot.from->cubin(*slot.kernel);
  } catch (const core::EnvironmentError& error) {
    // To the caller, a file that cannot be read is a bad database; what the driver refuses is not.
    throw core::UsageError(error.what(), error.next_step());
  }
}

}  // namespace deepgemm::db
