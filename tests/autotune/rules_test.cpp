#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/default_config.h"
#include "tests/autotune/shapes.h"

namespace deepgemm::autotune {
namespace {

const core::GemmProblem kLarge = shape(4096, 7168, 16384);

struct Case {
  const char* rule;
  core::GemmProblem problem;
  const char* rejected;
  const char* kept;  // differs by as little as shows the rule's edge
};

const Case kCases[] = {
    {"field-range", kLarge, "stages=0", "stages=5"},
    {"warpgroup-rows", kLarge, "block_m=192,math_warpgroups=2,stages=5",
     "block_m=192,block_n=96,math_warpgroups=3,stages=5"},
    {"wgmma-width", kLarge, "block_n=132,stages=5", "block_n=136,stages=5"},
    {"accumulator-sets", kLarge, "block_m=256,block_n=64,accumulator_sets=2",
     "block_m=256,block_n=64,stages=4"},
    {"cluster-size", kLarge, "cluster_m=4,cluster_n=4,stages=5",
     "cluster_m=4,cluster_n=2,stages=5"},
    {"split-width", shape(64, 576, 7168),
     "block_m=64,block_n=8,math_warpgroups=1,stages=16,split_k=2,raster_group=1",
     "block_m=64,block_n=16,math_warpgroups=1,stages=16,split_k=2,raster_group=1,l2_policy=2"},
    {"split-short", shape(64, 576, 896),
     "block_m=64,block_n=32,math_warpgroups=1,stages=4,split_k=2,raster_group=1",
     "block_m=64,block_n=32,math_warpgroups=1,stages=7,raster_group=1,l2_policy=2"},
    {"split-crowded", shape(64, 4352, 16384),
     "block_m=64,block_n=64,math_warpgroups=1,stages=9,split_k=2,raster_group=1",
     "block_m=64,block_n=72,math_warpgroups=1,stages=12,split_k=2,raster_group=1,l2_policy=2"},
    {"multicast-slice", kLarge, "block_n=136,cluster_m=2,stages=5",
     "block_n=144,cluster_m=2,stages=5"},
    {"register-budget", kLarge, "block_n=232,stages=3", "block_n=160,stages=5"},
    {"other-operation", kLarge, "stages=5,operation=2", "stages=5,operation=1"},
    {"register-spills", kLarge, "block_n=200,stages=4", "block_n=192,stages=4"},
    {"shared-memory", kLarge, "stages=7", "stages=6"},
    {"block-m-waste", shape(64, 7168, 16384), "block_n=96,stages=7",
     "block_m=64,math_warpgroups=1,stages=8,raster_group=1,l2_policy=2"},
    {"block-n-waste", shape(4096, 96, 16384), "block_n=104,stages=6,raster_group=1",
     "block_n=96,stages=7,raster_group=1"},
    {"cluster-m-waste", shape(128, 7168, 16384), "cluster_m=2,stages=5,raster_group=1",
     "cluster_n=2,stages=5,raster_group=1,l2_policy=2"},
    {"cluster-n-waste", shape(4096, 128, 16384), "cluster_n=2,stages=5,raster_group=1",
     "cluster_m=2,stages=5,raster_group=1"},
    {"nothing-to-overlap", shape(4096, 7168, 128), "accumulator_sets=2,block_n=112,stages=6",
     "block_n=112,stages=6"},
    {"stages-unused", shape(128, 7168, 256), "block_n=64,stages=3,raster_group=1",
     "block_n=64,stages=2,raster_group=1,l2_policy=2"},
    {"stages-shallow", kLarge, "stages=4", "stages=5"},
    {"raster-duplicate", shape(256, 7168, 16384), "raster_group=4,stages=5",
     "raster_group=2,stages=5"},
    {"l2-reread", shape(1152, 7168, 16384), "stages=5,raster_group=8,l2_policy=2",
     "stages=5,raster_group=16,l2_policy=2"},
    {"l2-unused", shape(128, 7168, 16384), "stages=5,raster_group=1",
     "stages=5,raster_group=1,l2_policy=2"},
};

TEST(Rules, EachRejectsWhatItSaysAndNotItsNeighbour) {
  for (const Case& each : kCases) {
    EXPECT_EQ(rejecting_rule(each.problem, each.rejected), each.rule) << each.rejected;
    EXPECT_EQ(rejecting_rule(each.problem, each.kept), "") << each.kept;
  }
}

TEST(Rules, AllAreTestedNamedAndExplained) {
  std::set<std::string_view> tested;
  for (const Case& each : kCases) tested.insert(each.rule);
  std::set<std::string_view> names;
  for (const Rule& rule : dense_rules()) {
    EXPECT_TRUE(names.insert(rule.name).second) << rule.name << " stands twice";
    EXPECT_FALSE(rule.reason.empty());
    EXPECT_TRUE(rule.taste.empty() || core::find_config_field(rule.taste) != nullptr);
  }
  EXPECT_EQ(names, tested);
}

TEST(Rules, LawsRejectExactlyWhatIsIllegalOrSpills) {
  SearchSpace space = SearchSpace::dense();
  space.fix("cluster_n", {1, 4});
  space.fix("raster_group", {8});
  space.for_each([](const core::GemmConfig& config) {
    bool rejected = false;
    for (const Rule& rule : dense_rules()) {
      if (!rule.taste.empty() || rule.name == "register-spills") continue;
      rejected |= rule.rejects(kLarge, config, h100());
    }
    ASSERT_EQ(rejected, core::why_illegal(config).has_value()) << core::to_string(config);
  });
}

TEST(Rules, TheDefaultIsNoTwinOfACandidate) {
  const auto rule = std::ranges::find(dense_rules(), "raster-duplicate", &Rule::name);
  ASSERT_NE(rule, dense_rules().end());
  for (const int m : {1, 64, 100, 300, 1024, 4096}) {
    for (const int n : {64, 576, 2112, 7168}) {
      const core::GemmProblem dense = shape(m, n, 7168);
      core::GemmProblem masked = dense;
      masked.operation = core::Operation::kGroupedMasked;
      masked.groups = 6;
      for (const core::GemmProblem& problem : {dense, masked}) {
        const core::GemmConfig config = core::default_config(problem, h100());
        EXPECT_FALSE(rule->rejects(problem, config, h100()))
            << core::to_string(problem) << ": " << core::short_name(config);
      }
    }
  }
}

TEST(Rules, AStageMayCostRoomToStoreFrom) {
  // 256x128: three stages leave room for all of D's tile, a fourth for a quarter of it.
  EXPECT_EQ(rejecting_rule(kLarge, "block_m=256,stages=2"), "stages-shallow");
  EXPECT_EQ(rejecting_rule(kLarge, "block_m=256,stages=3"), "");
  EXPECT_EQ(rejecting_rule(kLarge, "block_m=256,stages=4"), "");
}

TEST(Rules, SharedMemoryIsTheDevices) {
  core::DeviceInfo small = h100();
  small.shared_bytes_per_block = 100 * 1024;
  EXPECT_EQ(rejecting_rule(kLarge, "stages=6", small), "shared-memory");
}

// Whether the rule, whatever those before it say, rejects a config.
bool rejects(std::string_view name, const Work& work, std::string_view config) {
  for (const Rule& rule : dense_rules()) {
    if (rule.name == name) return rule.rejects(work, core::parse_config(config), h100());
  }
  ADD_FAILURE() << name << " is no rule";
  return false;
}

TEST(Rules, SlicesOfKThatShareLoadsCountAllBlocksOfACluster) {
  constexpr const char* kPairsInHalves =
      "block_m=64,block_n=128,math_warpgroups=1,cluster_m=2,split_k=2";
  // 34 pairs of tiles, then 33: 136 blocks and 132, one for each SM.
  EXPECT_TRUE(rejects("split-crowded", shape(128, 4352, 16384), kPairsInHalves));
  EXPECT_FALSE(rejects("split-crowded", shape(128, 4224, 16384), kPairsInHalves));
}

// As many rows of tiles as the raster group holds ask for one tile of B together; but where other
// groups' B streams through L2 meanwhile, not soon enough.
TEST(Rules, SeveralRowsOfOneGroupNeedTheirBInL2WhereMuchStreamsThrough) {
  core::GemmProblem few{
      .operation = core::Operation::kGroupedMasked, .m = 230, .n = 4096, .k = 7168, .groups = 2};
  core::GemmProblem much = few;
  much.groups = 32;
  EXPECT_FALSE(rejects("l2-reread", few, "raster_group=2,l2_policy=2"));
  EXPECT_TRUE(rejects("l2-reread", much, "raster_group=2,l2_policy=2"));
  EXPECT_FALSE(rejects("l2-reread", much, "block_m=256,raster_group=1,l2_policy=2"));
}

TEST(Rules, RowsThatAreGivenCountNotThoseThatAreExpected) {
  const core::GemmProblem expected{.operation = core::Operation::kGroupedContiguous,
                                   .m = 48,
                                   .n = 4096,
                                   .k = 7168,
                                   .groups = 4,
                                   .alignment = 128};
  const std::int64_t one_large[] = {0, 2000, 0, 1};
  const std::int64_t few[] = {0, 1, 0, 0};
  core::GemmProblem large = expected;
  large.m = 2000;
  struct {
    const char* rule;
    const char* config;
  } const pointless_for_few_rows[] = {
      {"block-m-waste", "block_m=128"},
      {"cluster-m-waste", "cluster_m=2"},
      {"raster-duplicate", "raster_group=4"},
  };
  for (const auto& [rule, config] : pointless_for_few_rows) {
    EXPECT_TRUE(rejects(rule, expected, config)) << rule;
    EXPECT_FALSE(rejects(rule, {expected, one_large}, config)) << rule;
    EXPECT_FALSE(rejects(rule, large, config)) << rule;
    EXPECT_TRUE(rejects(rule, {large, few}, config)) << rule;
  }
  core::GemmProblem alone = expected;
  alone.groups = 1;
  const std::int64_t many[] = {2000};
  EXPECT_TRUE(rejects("l2-unused", alone, "raster_group=4"));
  EXPECT_FALSE(rejects("l2-unused", {alone, many}, "raster_group=4"));
  EXPECT_FALSE(rejects("l2-unused", expected, "raster_group=4")) << "the next group's A is read";
  EXPECT_TRUE(rejects("l2-reread", {expected, one_large}, "raster_group=1,l2_policy=2"));
  EXPECT_FALSE(rejects("l2-reread", {large, few}, "raster_group=1,l2_policy=2"));
  EXPECT_TRUE(rejects("split-crowded", large, "block_n=64,split_k=2"));
  EXPECT_FALSE(rejects("split-crowded", {large, few}, "block_n=64,split_k=2"));
  large.k = 512;
  EXPECT_TRUE(rejects("stages-unused", {large, few}, "stages=6"));
  EXPECT_FALSE(rejects("stages-unused", large, "stages=6"));
}

// Each is a kernel that was compiled with ptxas 13.0.
TEST(Rules, SpillsAreThoseThatWereMeasured) {
  const auto rule = [&](const std::string& config) { return rejecting_rule(kLarge, config); };
  EXPECT_EQ(rule("block_n=200,stages=4"), "register-spills");
  EXPECT_EQ(rule("block_n=192,stages=4"), "");
  EXPECT_EQ(rule("block_m=256,block_n=128,stages=3"), "");
  EXPECT_EQ(rule("block_m=256,block_n=136,stages=3"), "register-spills");
  const std::string three = "block_m=192,math_warpgroups=3,stages=4,block_n=";
  EXPECT_EQ(rule(three + "128"), "");
  EXPECT_EQ(rule(three + "128,cluster_m=2"), "");
  EXPECT_EQ(rule(three + "136"), "register-spills");
}

}  // namespace
}  // namespace deepgemm::autotune
