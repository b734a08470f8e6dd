// The corners of the search space, through NVRTC and ptxas. Needs NVRTC, no GPU.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <filesystem>

#include "core/compile_pool.h"
#include "core/default_config.h"
#include "core/error.h"
#include "core/jit_builder.h"

namespace deepgemm::core {
namespace {

bool nvrtc_is_here() {
  try {
    const JitBuilder builder("");
    return true;
  } catch (const EnvironmentError&) {
    return false;
  }
}

#define DEEPGEMM_REQUIRE_NVRTC() \
  if (!nvrtc_is_here()) GTEST_SKIP() << "NVRTC is not on this machine; scripts/test fetches it"

std::vector<GemmConfig> corners() {
  std::vector<GemmConfig> list;
  const auto add = [&](const char* text) { list.push_back(parse_config(text)); };
  add("block_m=64,block_n=8,stages=2,math_warpgroups=1");
  add("block_m=64,block_n=16,stages=16,math_warpgroups=1,accumulator_sets=2");
  add("block_m=64,block_n=24,stages=4,math_warpgroups=1,cluster_n=2,cluster_m=1");
  add("block_m=64,block_n=128,stages=6,math_warpgroups=1,cluster_n=8");
  add("block_m=64,block_n=192,stages=4,math_warpgroups=1");
  add("block_m=128,block_n=64,stages=8,math_warpgroups=1");
  add("block_m=128,block_n=128,stages=5,cluster_m=2,accumulator_sets=2");
  add("block_m=128,block_n=112,stages=5,cluster_m=2,cluster_n=2");
  add("block_m=128,block_n=136,stages=4,raster_group=1");
  add("block_m=128,block_n=176,stages=4,cluster_n=2");
  add("block_m=256,block_n=96,stages=3");
  add("block_m=64,block_n=32,stages=12,math_warpgroups=1,accumulator_sets=2,split_k=4");
  add("block_m=192,block_n=104,stages=4,math_warpgroups=3");
  // The widest that default_config may choose.
  add("block_m=64,block_n=192,stages=6,math_warpgroups=1,cluster_m=2");
  add("block_m=64,block_n=128,stages=8,math_warpgroups=1,cluster_m=2,accumulator_sets=2");
  add("block_m=128,block_n=192,stages=4,cluster_m=2");
  add("block_m=256,block_n=128,stages=3,cluster_m=2");
  add("block_m=256,block_n=128,stages=4");
  list.push_back(fallback_config(Operation::kDense));
  for (const char* operation : {"operation=2", "operation=3"}) {
    for (const char* text :
         {"block_m=64,block_n=128,stages=7,math_warpgroups=1,accumulator_sets=2",
          "block_m=64,block_n=32,stages=8,math_warpgroups=1,split_k=2",
          "block_m=128,block_n=112,stages=5,cluster_n=2", "block_m=128,block_n=192,stages=4",
          "block_m=256,block_n=128,stages=3", "block_m=256,block_n=128,stages=3,cluster_m=2"}) {
      list.push_back(parse_config(operation, parse_config(text)));
    }
  }
  return list;
}

// Instructions of the FP8 tensor core (QGMMA) in an image: SASS instructions are 16 bytes, their
// opcode is the low 12 bits; nvdisasm shows 0x9f3 for QGMMA on sm_90a.
int tensor_core_instructions(const std::vector<char>& image) {
  int count = 0;
  for (std::size_t at = 0; at + 16 <= image.size(); at += 16) {
    std::uint64_t word = 0;
    std::memcpy(&word, image.data() + at, sizeof(word));
    if ((word & 0xfff) == 0x9f3) ++count;
  }
  return count;
}

TEST(JitCompile, CornersCompileWithTensorCoresAndWithoutSpills) {
  DEEPGEMM_REQUIRE_NVRTC();
  JitBuilder builder("");
  CompilePool pool(builder, 0);
  std::vector<std::future<BuildResult>> results;
  for (const GemmConfig& config : corners()) {
    ASSERT_FALSE(why_illegal(config)) << to_string(config) << ": " << *why_illegal(config);
    results.push_back(pool.submit(config));
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    const BuildResult result = results[i].get();
    ASSERT_TRUE(result.cubin) << to_string(corners()[i]) << ": " << result.failure << "\n"
                              << result.log;
    EXPECT_GT(result.cubin->build.registers, 24) << result.log;
    EXPECT_EQ(result.cubin->build.spill_bytes, 0);
    // A k-block of 128 takes four of them, at each place where the source starts one.
    const int instructions = tensor_core_instructions(result.cubin->image);
    EXPECT_GE(instructions, 4);
    EXPECT_EQ(instructions % 4, 0) << instructions;
    EXPECT_EQ(result.cubin->build.shared_bytes, kernels::shared_bytes(corners()[i]));
    EXPECT_EQ(result.cubin->key, builder.key(corners()[i]));
  }
}

TEST(JitCompile, AKernelThatCannotBeIsAValueNotAnException) {
  DEEPGEMM_REQUIRE_NVRTC();
  JitBuilder builder("");
  const BuildResult result = builder.build(parse_config("block_n=12"));
  EXPECT_FALSE(result.cubin);
  EXPECT_NE(result.failure, "");
  EXPECT_NE(result.log, "");
}

TEST(JitCompile, SpillsAreRefused) {
  DEEPGEMM_REQUIRE_NVRTC();
  JitBuilder builder("");
  const BuildResult result =
      builder.build(parse_config("block_m=64,block_n=256,stages=4,math_warpgroups=1"));
  EXPECT_FALSE(result.cubin);
  EXPECT_NE(result.failure.find("spill"), std::string::npos) << result.failure;
}

TEST(JitCompile, TheCacheAnswersTheSecondTime) {
  DEEPGEMM_REQUIRE_NVRTC();
  std::string pattern = (std::filesystem::temp_directory_path() / "deepgemm-jit-XXXXXX").string();
  const std::filesystem::path folder = mkdtemp(pattern.data());
  const GemmConfig config = parse_config("block_m=64,block_n=8,stages=2,math_warpgroups=1");
  BuildResult first;
  {
    JitBuilder builder(folder / "cache");
    first = builder.build(config);
    EXPECT_FALSE(first.from_cache);
  }
  JitBuilder again(folder / "cache");
  const BuildResult second = again.build(config);
  EXPECT_TRUE(second.from_cache);
  ASSERT_TRUE(first.cubin && second.cubin);
  EXPECT_EQ(first.cubin->image, second.cubin->image);
  EXPECT_EQ(second.cubin->build.registers, first.cubin->build.registers);
  std::filesystem::remove_all(folder);
}

TEST(JitCompile, TheKeyKnowsConfigAndOptionsButNoPath) {
  DEEPGEMM_REQUIRE_NVRTC();
  const JitBuilder plain("");
  const JitBuilder with_lines("", {.line_info = true});
  EXPECT_EQ(plain.key({}), JitBuilder("").key({}));
  EXPECT_NE(plain.key({}), with_lines.key({}));
  EXPECT_NE(plain.key({}), plain.key({.stages = 3}));
  EXPECT_EQ(plain.key({}).size(), 64u);
}

}  // namespace
}  // namespace deepgemm::core
