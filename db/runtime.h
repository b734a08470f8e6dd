// What a program calls: problem in, loaded kernel out. The engine behind the C ABI.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <string>
#include <vector>

#include "core/device.h"
#include "core/gemm_kernel.h"
#include "core/home_context.h"
#include "core/kernel_builder.h"
#include "core/staleness.h"
#include "db/catalog.h"
#include "db/clause.h"
#include "db/lookup_table.h"

namespace deepgemm::db {

// What runs a problem that has no row.
enum class MissPolicy {
  kError,     // nothing: the caller decides
  kNearest,   // the kernel of the nearest row
  kFallback,  // the kernel that a bundle holds for that
  kCompile,   // the untuned default, compiled by NVRTC; once per config, and cached on the disk
};

// What would run, and why. Points into the runtime.
struct Found {
  core::Match match = core::Match::kNone;
  Clause reason;
  const std::string* config = nullptr;          // "block_m=128,…"; null only where match is kNone
  const IndexedKernel* kernel = nullptr;        // null of kNone and kCompiled
  const std::filesystem::path* file = nullptr;  // the layer that answered; likewise
  const LayeredFamily::Row* row = nullptr;      // of exact, bucket, other-device, nearest
  const core::StalenessGrade* grade =
      nullptr;  // likewise, of the fallback, and of none where rows were passed over
};

// The tables never change after the construction. A kernel's image is read and loaded when it is
// first asked for. Thread-safe.
class Runtime {
 public:
  using Compile = std::function<core::BuildResult(const core::GemmConfig&)>;

  // `layers`, the uppermost first, answer for a GPU like `device`; `here` is the environment that
  // the age of rows is judged against. `compile` is called for kCompile alone. Kernels are loaded
  // into `home`, which outlives this; null: into the context of the thread that asks.
  Runtime(std::vector<Catalog> layers, const core::DeviceInfo& device,
          const core::Environment& here, Compile compile, const core::HomeContext* home = nullptr);

  // Loads and compiles nothing. A hit neither locks nor allocates.
  Found find(const core::GemmProblem& problem, MissPolicy policy = MissPolicy::kError);

  // The kernel for `problem`; nullptr where nothing answers. The first call for a kernel loads it,
  // whichever context is current, which stays so; throws UsageError where the layer has no sound
  // image of it, EnvironmentError where the driver refuses the image or the compiler is missing.
  // Later calls are the hot path: a hit, the nearest and the fallback lock and allocate nothing.
  const core::GemmKernel* kernel(const core::GemmProblem& problem,
                                 MissPolicy policy = MissPolicy::kError);

 private:
  // A kernel that was or may be loaded.
  struct Slot {
    const IndexedKernel* kernel = nullptr;  // null of what is compiled here
    const Catalog* from = nullptr;          // likewise
    core::GemmConfig config;
    std::string description;  // the config in words
    std::atomic<const core::GemmKernel*> ready = nullptr;
    std::unique_ptr<core::GemmKernel> owner;  // guarded by loading_
  };

  // A decision without words.
  struct Choice {
    core::Match match = core::Match::kNone;
    Slot* slot = nullptr;  // null of kNone
    LookupTable::Answer answer;
    KernelPlace place;
  };

  Choice choose(const core::GemmProblem& problem, MissPolicy policy);
  Choice choose_for_miss(const core::GemmProblem& problem, MissPolicy policy);
  // Whether there are rows for it, and all are ones that this version cannot launch.
  bool was_passed_over(const core::GemmProblem& problem) const;
  void say_why(Clause& text, const Choice& choice, const core::GemmProblem& problem,
               MissPolicy policy) const;
  Slot& slot_at(const KernelPlace& place) { return slots_[place.layer][place.kernel]; }
  Slot& compiled_slot(const core::GemmProblem& problem);
  const core::GemmKernel* load(Slot& slot);
  core::Cubin cubin_of(const Slot& slot);

  std::vector<Catalog> layers_;
  core::DeviceInfo device_;
  Compile compile_;
  const core::HomeContext* home_;
  LookupTable table_;
  std::set<decltype(core::order(core::GemmProblem{}))> passed_over_;  // Catalog::passed_over of all
  std::vector<std::vector<core::StalenessGrade>> grades_;             // by layer and environment
  std::vector<std::vector<Slot>> slots_;                              // by layer and kernel
  std::shared_mutex compiling_;
  std::map<std::string, Slot> compiled_;  // by config; guarded by compiling_, as is the next
  std::map<decltype(core::order(core::GemmProblem{})), Slot*> compiled_for_;
  std::mutex loading_;
};

}  // namespace deepgemm::db
