// Kernels that go wrong on purpose: the real sources with small edits, each with the rejection that
// it must get. Shared by the compile tier (do they apply, compile, differ?) and the gpu tier (is
// each one rejected as declared?).
#pragma once

#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/group_rows.h"
#include "core/nvrtc.h"
#include "core/store.h"

namespace deepgemm::mutants {

// How a mutant may end, as bits: where the outcome hangs on timing, a rule declares several.
enum Ending : unsigned {
  kRefusedByCompiler = 1u << 0,
  kSpills = 1u << 1,
  kRefusedByDriver = 1u << 2,  // more shared memory than a block has
  kFaults = 1u << 3,
  kHangs = 1u << 4,
  kWrong = 1u << 5,
  kSame = 1u << 6,  // computes the same: accepted, and not counted; `why` says why
};
std::string names(unsigned endings);  // "faults or hangs"

// Every occurrence of `snippet` in `file` becomes `replacement`. kEntry as a file is the generated
// text that instantiates the kernel.
struct Edit {
  std::string_view file;
  std::string_view snippet;
  std::string_view replacement;
};
inline constexpr std::string_view kEntry = "entry";

// Configs that a rule is applied to, as bits over configs().
using Configs = unsigned;

struct Rule {
  std::string_view name;
  unsigned endings;
  Configs configs;
  std::vector<Edit> edits;
  std::string_view why = {};  // of kSame
};

// One kernel: a rule on a config.
struct Mutant {
  const Rule* rule;
  core::GemmConfig config;
  std::string name() const;  // "late-trap on 64x64 s4 …"
};

// Dense ones, then grouped ones.
const std::vector<core::GemmConfig>& configs();
// Of the dense ones those with the trait, as bits.
Configs all_configs();
Configs unsplit();
Configs split();  // the last one shares loads by multicast
Configs without_multicast();
Configs several_segments();  // tiles whose columns come in more than one
// Of the grouped ones.
Configs contiguous();  // the last one in clusters, with two warpgroups
Configs masked();
Configs unsplit_grouped();  // the last of masked ones with two warpgroups
Configs two_slabs();        // in clusters along n
// One of several.
Configs first_of(Configs configs);
Configs last_of(Configs configs);

// Rules that stop the kernel: at the compiler, at the driver, by faults and hangs.
const std::vector<Rule>& stopping_rules();
// Rules whose kernel ends, and is wrong; and those that change nothing.
const std::vector<Rule>& wrong_rules();
// Rules of what only grouped kernels have.
const std::vector<Rule>& grouped_rules();

std::vector<Mutant> all_mutants();

// The problem that a config's mutants are checked on: many tiles for each block, edges along m and
// n, an m that is no multiple of 4 (so the last tiles reach beyond D), a last k-block that is
// partial, and more k-blocks than one load of scales covers. Of grouped ones some groups have no
// row, one, or as many as there is room for.
struct Task {
  core::GemmProblem problem;
  core::GroupDraw draw;
};
Task task_of(const core::GemmConfig& config);

// The texts that kernels are compiled from, by the names in their #includes.
std::vector<core::NamedHeader> todays_sources();

// Why a rule's edits do not fit `sources`, naming rule, file and snippet; empty where they do.
std::string why_inapplicable(std::string_view rule, std::span<const Edit> edits,
                             std::span<const core::NamedHeader> sources = todays_sources());
inline std::string why_inapplicable(const Rule& rule) {
  return why_inapplicable(rule.name, rule.edits);
}

// One list of several.
template <typename Each>
std::vector<Each> joined(std::initializer_list<std::vector<Each>> lists) {
  std::vector<Each> all;
  for (const std::vector<Each>& list : lists) all.insert(all.end(), list.begin(), list.end());
  return all;
}

// Does `work` for 0 to count - 1, on as many threads as the machine runs at once.
void on_all_threads(std::size_t count, const std::function<void(std::size_t)>& work);

struct Build {
  bool compiled = false;
  std::string log;
  core::Cubin cubin;        // as the tuner would get it
  int static_shared_bytes;  // beside the dynamic ones
};
// Compiles a mutant, or with no rule the kernel as it is. Needs NVRTC. Thread-safe.
Build build(const Rule* rule, const core::GemmConfig& config);

// The same from any sources with any edits; `name` tells the kernel from others of its config.
Build build(std::string_view name, std::vector<core::NamedHeader> sources,
            std::span<const Edit> edits, const core::GemmConfig& config);

}  // namespace deepgemm::mutants
