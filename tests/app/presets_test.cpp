#include "app/presets.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace deepgemm::app {
namespace {

// [n, k] of each layer, worked out by hand from the models' config.json.
struct Expected {
  const char* preset;
  std::vector<std::pair<std::int64_t, std::int64_t>> layers;
};

const Expected kExpected[] = {
    // 128 heads: q_b 128 * (128 + 64), kv_b 128 * (128 + 128), o 128 * 128; kv_a 512 + 64.
    {"deepseek-v3",
     {{1536 + 576, 7168},
      {576, 7168},
      {24576, 1536},
      {32768, 512},
      {7168, 16384},
      {2 * 2048, 7168},
      {7168, 2048}}},
    // 96 heads and twice 8 of 128; o 96 * 128 is as wide as the dense layers are.
    {"glm-4.5", {{14336, 5120}, {5120, 12288}, {2 * 12288, 5120}, {2 * 1536, 5120}, {5120, 1536}}},
    // 64 heads: q_b 64 * 192, kv_b 64 * 256, o 64 * 128.
    {"kimi-k2",
     {{2112, 7168},
      {12288, 1536},
      {16384, 512},
      {7168, 8192},
      {2 * 18432, 7168},
      {7168, 18432},
      {2 * 2048, 7168},
      {7168, 2048}}},
    // 64 heads and twice 8 of 128.
    {"llama-3-70b", {{10240, 8192}, {8192, 8192}, {2 * 28672, 8192}, {8192, 28672}}},
    // 32 heads and twice 8 of 128.
    {"llama-3-8b", {{6144, 4096}, {4096, 4096}, {2 * 14336, 4096}, {4096, 14336}}},
    // 64 heads and twice 4 of 128.
    {"qwen3-235b-a22b", {{9216, 4096}, {4096, 8192}, {2 * 1536, 4096}, {4096, 1536}}},
    // 64 heads and twice 8 of 128.
    {"qwen3-32b", {{10240, 5120}, {5120, 8192}, {2 * 25600, 5120}, {5120, 25600}}},
};

TEST(Presets, HaveTheLayersOfTheirModels) {
  ASSERT_EQ(presets().size(), std::size(kExpected));
  for (std::size_t i = 0; i < std::size(kExpected); ++i) {
    const Preset& preset = presets()[i];
    EXPECT_EQ(preset.name, kExpected[i].preset);
    EXPECT_TRUE(preset.source.starts_with("config.json of ")) << preset.source;
    std::vector<std::pair<std::int64_t, std::int64_t>> layers;
    for (const Layer& layer : preset.layers) layers.emplace_back(layer.n, layer.k);
    EXPECT_EQ(layers, kExpected[i].layers) << preset.name;
    const auto shapes = shapes_of(preset, core::Operation::kDense);
    EXPECT_EQ(shapes.size(), 7 * layers.size());
    for (const core::GemmProblem& shape : shapes) {
      EXPECT_EQ(core::why_illegal(shape), std::nullopt) << core::to_string(shape);
    }
  }
}

TEST(Presets, TheListNamesEachWithItsSource) {
  const std::string text = describe_presets();
  for (const Preset& preset : presets()) {
    EXPECT_NE(text.find("\n" + preset.name + ": "), std::string::npos);
    EXPECT_NE(text.find(preset.source), std::string::npos);
  }
}

TEST(Presets, AFileThatCannotBeReadNamesTheLine) {
  const auto complaint = [](const char* text) -> std::string {
    try {
      read_preset("x", text);
    } catch (const core::UsageError& error) {
      return error.what();
    }
    return "none";
  };
  EXPECT_EQ(complaint("# a\n# b\nlayer,n,k\nq,16,32\n"), "none");
  EXPECT_EQ(complaint("# a\nlayer,n,k\nq,16,32\n"),
            "In line 2 of preset 'x': a comment that starts with '# ' is missing.");
  EXPECT_EQ(complaint("# a\n# b\nq,16,32\n"),
            "In line 3 of preset 'x': the header is not layer,n,k.");
  EXPECT_EQ(complaint("# a\n# b\nlayer,n,k\n16,32\n"),
            "In line 4 of preset 'x': a layer is not name,n,k.");
  EXPECT_EQ(complaint("# a\n# b\nlayer,n,k\n"), "In line 4 of preset 'x': it has no layer.");
  EXPECT_NE(complaint("# a\n# b\nlayer,n,k\nq,16,many\n"), "none");
}

}  // namespace
}  // namespace deepgemm::app
