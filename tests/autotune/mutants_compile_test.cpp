// Every mutant of the fault suite compiles, or is refused, as it declares; and none is the kernel
// itself.
#include <gtest/gtest.h>

#include <algorithm>

#include "core/compile_log.h"
#include "core/error.h"
#include "core/nvrtc.h"
#include "tests/mutants/mutants.h"

namespace deepgemm::mutants {
namespace {

bool nvrtc_is_missing() {
  try {
    core::nvrtc_version();
    return false;
  } catch (const core::EnvironmentError&) {
    return true;
  }
}

// What is wrong with a mutant's build; empty where it is as declared.
std::string complaint_about(const Mutant& mutant, const Build& clean) {
  const Build built = build(mutant.rule, mutant.config);
  const std::string why = core::why_unusable(built.log, built.cubin.build);
  const unsigned endings = mutant.rule->endings;
  if (endings == kRefusedByCompiler) {
    return built.compiled ? mutant.name() + " compiles" : "";
  }
  if (!built.compiled) return mutant.name() + " does not compile:\n" + built.log;
  if (endings == kSpills) {
    return built.cubin.build.spill_bytes > 0 ? "" : mutant.name() + " does not spill";
  }
  if (!why.empty()) return mutant.name() + ": " + why;
  if (endings == kRefusedByDriver) {
    const long long bytes = kernels::shared_bytes(mutant.config) + built.static_shared_bytes;
    return bytes > kernels::kSharedLimit ? "" : mutant.name() + " fits";
  }
  if (built.cubin.image == clean.cubin.image) return mutant.name() + " is the kernel itself";
  return "";
}

TEST(MutantsCompileTest, EachIsBuiltOrRefusedAsDeclared) {
  if (nvrtc_is_missing()) GTEST_SKIP() << "NVRTC is not installed";
  std::vector<Build> clean;
  for (const core::GemmConfig& each : configs()) clean.push_back(build(nullptr, each));
  const std::vector<Mutant> mutants = all_mutants();
  std::vector<std::string> complaints(mutants.size());
  on_all_threads(mutants.size(), [&](std::size_t at) {
    const auto& known = configs();
    const auto config = std::find(known.begin(), known.end(), mutants[at].config);
    complaints[at] =
        complaint_about(mutants[at], clean[static_cast<std::size_t>(config - known.begin())]);
  });
  for (const std::string& complaint : complaints) EXPECT_EQ(complaint, "");
}

}  // namespace
}  // namespace deepgemm::mutants
