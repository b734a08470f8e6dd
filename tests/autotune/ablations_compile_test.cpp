// Every ablation fits today's sources, compiles without spills, and is another kernel.
#include "tests/mutants/ablations.h"

#include <gtest/gtest.h>

#include "core/compile_log.h"
#include "core/error.h"

namespace deepgemm::mutants {
namespace {

class AblationsCompileTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    try {
      core::nvrtc_version();
    } catch (const core::EnvironmentError& error) {
      GTEST_SKIP() << error.what();
    }
  }
};

TEST_P(AblationsCompileTest, EachIsAnotherKernelThatRuns) {
  const core::GemmConfig config = core::parse_config(GetParam());
  const Build whole = build(nullptr, config);
  ASSERT_EQ(core::why_unusable(whole.log, whole.cubin.build), "");
  for (const Ablation& each : ablations()) {
    SCOPED_TRACE(each.name);
    EXPECT_EQ(why_inapplicable(each.name, each.edits), "");
    if (!each.applies(config)) continue;
    const Build built = build(each.name, todays_sources(), each.edits, config);
    ASSERT_TRUE(built.compiled) << built.log;
    EXPECT_EQ(core::why_unusable(built.log, built.cubin.build), "");
    EXPECT_NE(built.cubin.image, whole.cubin.image);
  }
}

TEST_P(AblationsCompileTest, TheClockProbeFitsTodaysSources) {
  const core::GemmConfig config = core::parse_config(GetParam());
  EXPECT_EQ(why_inapplicable("clock probe", clock_probe()), "");
  const Build built = build("clock probe", todays_sources(), clock_probe(), config);
  ASSERT_TRUE(built.compiled) << built.log;
  EXPECT_EQ(core::why_unusable(built.log, built.cubin.build), "");
}

INSTANTIATE_TEST_SUITE_P(
    Configs, AblationsCompileTest,
    testing::Values("block_m=256,block_n=128,stages=3,cluster_n=2,math_warpgroups=2",
                    "block_m=64,block_n=64,stages=8,math_warpgroups=1,accumulator_sets=2,split_k=2",
                    "block_m=128,block_n=192,stages=4,math_warpgroups=2,operation=2"));

}  // namespace
}  // namespace deepgemm::mutants
