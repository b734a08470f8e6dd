// The fault suite's edits fit today's kernels. What they do is checked where there is NVRTC
// (mutants_compile_test.cpp) and a GPU (tests/gpu/mutants_test.cpp).
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <set>

#include "tests/mutants/mutants.h"

namespace deepgemm::mutants {
namespace {

TEST(Mutants, ThereAreAsManyThatMustBeRejectedAsTheReadmeSays) {
  int counted = 0;
  std::set<std::string> names;
  for (const Mutant& each : all_mutants()) {
    counted += each.rule->endings != kSame;
    EXPECT_TRUE(names.insert(each.name()).second) << each.name();
  }
  EXPECT_GT(counted, 390);
}

TEST(Mutants, EveryRuleFitsTheSources) {
  for (const Mutant& each : all_mutants()) EXPECT_EQ(why_inapplicable(*each.rule), "");
}

TEST(Mutants, ARuleThatFitsNoMoreSaysSo) {
  const Rule stale{"stale", kWrong, all_configs(), {{"kernels/dense.cuh", "no such text", ""}}};
  EXPECT_NE(why_inapplicable(stale).find("'stale'"), std::string::npos);
}

TEST(Mutants, EveryRuleDeclaresItsEndingAndThoseThatChangeNothingTheirReason) {
  for (const Mutant& each : all_mutants()) {
    EXPECT_NE(each.rule->endings, 0u) << each.name();
    EXPECT_EQ((each.rule->endings & kSame) != 0, !each.rule->why.empty()) << each.name();
    EXPECT_TRUE((each.rule->endings & kSame) == 0 || each.rule->endings == kSame) << each.name();
  }
}

TEST(Mutants, ConfigsAreLegalAndCoverTheTraits) {
  for (const core::GemmConfig& each : configs()) EXPECT_EQ(core::why_illegal(each), std::nullopt);
  for (const Configs bits : {split(), unsplit(), without_multicast(), several_segments(),
                             contiguous(), masked(), unsplit_grouped()}) {
    EXPECT_GE(std::popcount(bits), 1);
    EXPECT_LT(std::popcount(bits), static_cast<int>(configs().size()));
  }
}

TEST(Mutants, TheRowsOfGroupsAreLegalAndHoldTheEdges) {
  for (const core::GemmConfig& each : configs()) {
    const Task task = task_of(each);
    EXPECT_EQ(core::kernel_operation(task.problem.operation), each.operation);
    EXPECT_EQ(core::why_illegal(task.problem), std::nullopt);
    EXPECT_EQ(core::why_illegal(task.problem, task.draw), std::nullopt);
    if (each.operation == kernels::kDense) continue;
    EXPECT_EQ(std::ranges::count(task.draw.rows, 0), 2);
    EXPECT_GT(task.draw.rows.back(), 0) << "a rule leaves the last group out";
  }
  for (const Configs bits : {last_of(contiguous()), last_of(masked() & unsplit_grouped())}) {
    EXPECT_EQ(configs()[std::bit_width(bits) - 1].math_warpgroups, 2);
  }
}

}  // namespace
}  // namespace deepgemm::mutants
