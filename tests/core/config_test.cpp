#include "core/config.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace deepgemm::core {
namespace {

GemmConfig config_of(std::string_view text) { return parse_config(text); }

TEST(Config, TextFormReadsBack) {
  const GemmConfig config = config_of("block_m=64,block_n=24,stages=9,math_warpgroups=1");
  EXPECT_EQ(parse_config(to_string(config)), config);
  EXPECT_EQ(to_string(config).rfind("block_m=64,block_n=24,stages=9,cluster_m=1,cluster_n=1,", 0),
            0u);
  EXPECT_EQ(short_name(config), "64x24 s9 c1x1 w1 a1 r8 k1");
}

TEST(Config, FieldsLeftOutKeepTheBase) {
  GemmConfig base;
  base.stages = 7;
  const GemmConfig config = parse_config("block_n=96", base);
  EXPECT_EQ(config.stages, 7);
  EXPECT_EQ(config.block_n, 96);
  EXPECT_EQ(parse_config("", base), base);
}

TEST(Config, BadTextNamesWhatIsBad) {
  for (const auto& [text, named] : {std::pair{"blok_m=64", "blok_m"},
                                    {"block_m=wide", "block_m=wide"},
                                    {"block_m=", "block_m="},
                                    {"stages", "stages"},
                                    {"stages=4x", "stages=4x"},
                                    {"stages=99999999999", "99999999999"}}) {
    try {
      parse_config(text);
      ADD_FAILURE() << text << " was accepted";
    } catch (const UsageError& error) {
      EXPECT_NE(std::string(error.what()).find(named), std::string::npos) << error.what();
      EXPECT_FALSE(error.next_step().empty());
    }
  }
}

TEST(Config, OrderIsStrictAndByFieldList) {
  const GemmConfig a = config_of("block_m=64,block_n=200");
  const GemmConfig b = config_of("block_m=128,block_n=8");
  EXPECT_TRUE(ordered_before(a, b));
  EXPECT_FALSE(ordered_before(b, a));
  EXPECT_FALSE(ordered_before(a, a));
}

struct BrokenLimit {
  const char* text;
  Limit limit;
};

TEST(Config, EachLimitIsFoundAndSaid) {
  const BrokenLimit cases[] = {
      {"stages=0", Limit::kFieldRange},
      {"stages=33", Limit::kFieldRange},
      {"math_warpgroups=4,block_m=256", Limit::kFieldRange},
      {"accumulator_sets=3", Limit::kFieldRange},
      {"operation=4", Limit::kFieldRange},
      {"l2_policy=3", Limit::kFieldRange},
      {"raster_group=1025", Limit::kFieldRange},
      {"block_m=192", Limit::kWarpgroupRows},
      {"block_m=384,math_warpgroups=3", Limit::kWarpgroupRows},
      {"block_n=100", Limit::kWgmmaWidth},
      {"block_n=264", Limit::kWgmmaWidth},
      {"block_m=256,accumulator_sets=2,block_n=64", Limit::kAccumulatorSets},
      {"cluster_m=4,cluster_n=4", Limit::kClusterSize},
      {"cluster_m=65536,cluster_n=65536", Limit::kClusterSize},
      {"block_n=8,split_k=2", Limit::kSplitWidth},
      {"block_n=24,cluster_m=2", Limit::kMulticastSlice},
      {"block_n=96,cluster_m=3", Limit::kMulticastSlice},  // 96 rows in thirds, but 64 + 32 are not
      {"block_n=256", Limit::kRegisterBudget},
      {"block_n=128,stages=12", Limit::kSharedMemory},
  };
  for (const BrokenLimit& each : cases) {
    EXPECT_EQ(broken_limit(config_of(each.text)), each.limit) << each.text;
    EXPECT_TRUE(why_illegal(config_of(each.text))) << each.text;
  }
}

TEST(Config, AFieldOutOfRangeIsNamed) {
  for (const std::string text : {"stages=0", "stages=33", "math_warpgroups=4", "accumulator_sets=3",
                                 "operation=4", "l2_policy=3", "raster_group=1025"}) {
    const std::string field = text.substr(0, text.find('='));
    EXPECT_TRUE(why_illegal(config_of(text))->starts_with(field + " must be ")) << text;
  }
}

TEST(Config, TheDefaultFieldsAreLegal) {
  EXPECT_EQ(broken_limit(GemmConfig{}), std::nullopt);
  EXPECT_EQ(why_illegal(GemmConfig{}), std::nullopt);
}

TEST(Config, TheSharedLimitIsTheCallers) {
  const int needed = static_cast<int>(kernels::shared_bytes(GemmConfig{}));
  EXPECT_EQ(broken_limit(GemmConfig{}, needed), std::nullopt);
  EXPECT_EQ(broken_limit(GemmConfig{}, needed - 1), Limit::kSharedMemory);
}

}  // namespace
}  // namespace deepgemm::core
