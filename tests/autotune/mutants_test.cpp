// The fault suite's edits fit today's kernels. What they do is checked where there is NVRTC
// (mutants_compile_test.cpp) and a GPU (tests/gpu/mutants_test.cpp).
#include <gtest/gtest.h>

#include <bit>
#include <set>

#include "tests/mutants/mutants.h"

namespace deepgemm::mutants {
namespace {

TEST(Mutants, ThereAreAtLeastTwoHundredThatMustBeRejected) {
  int counted = 0;
  std::set<std::string> names;
  for (const Mutant& each : all_mutants()) {
    counted += each.rule->endings != kSame;
    EXPECT_TRUE(names.insert(each.name()).second) << each.name();
  }
  EXPECT_GE(counted, 200);
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
  for (const Configs bits : {split(), unsplit(), without_cluster(), straddling()}) {
    EXPECT_GE(std::popcount(bits), 1);
    EXPECT_LT(std::popcount(bits), static_cast<int>(configs().size()));
  }
}

}  // namespace
}  // namespace deepgemm::mutants
