#include "app/presets.h"

#include <gtest/gtest.h>

#include <map>

#include "app/text.h"
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
      {2 * 18432, 7168},
      {7168, 18432},
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

// Numbers by name from a source like "config.json of x/y: hidden_size 7168, 128 heads".
std::map<std::string, std::int64_t> facts_of(const std::string& source) {
  std::map<std::string, std::int64_t> facts;
  const std::string list = source.substr(source.find(": ") + 2);
  for (const std::string_view fact : split(list, ',')) {
    const std::string_view words = trim(fact);
    const std::size_t first = words.find(' ');
    const std::size_t last = words.rfind(' ');
    const bool number_first = words[0] >= '0' && words[0] <= '9';
    const std::string_view name = number_first ? words.substr(first + 1) : words.substr(0, last);
    const std::string_view number = number_first ? words.substr(0, first) : words.substr(last + 1);
    facts[std::string(name)] = std::stoll(std::string(number));
  }
  return facts;
}

// The value of "(heads + 2 * key-value heads) * head_dim": sums, products and one level of
// parentheses.
class Formula {
 public:
  Formula(std::string text, const std::map<std::string, std::int64_t>& facts)
      : text_(std::move(text)), facts_(facts) {}

  std::int64_t value() {
    const std::int64_t result = sum();
    EXPECT_EQ(at_, text_.size()) << text_;
    return result;
  }

 private:
  std::int64_t sum() {
    std::int64_t result = product();
    while (take(" + ")) result += product();
    return result;
  }
  std::int64_t product() {
    std::int64_t result = factor();
    while (take(" * ")) result *= factor();
    return result;
  }
  std::int64_t factor() {
    if (take("(")) {
      const std::int64_t result = sum();
      EXPECT_TRUE(take(")")) << text_;
      return result;
    }
    const std::size_t end = std::min(text_.find_first_of("+*)", at_), text_.size());
    std::string word = text_.substr(at_, end - at_);
    while (word.ends_with(' ')) word.pop_back();
    at_ += word.size();
    if (word == "2") return 2;
    EXPECT_TRUE(facts_.contains(word)) << word;
    return facts_.contains(word) ? facts_.at(word) : 0;
  }
  bool take(const std::string& token) {
    if (text_.compare(at_, token.size(), token) != 0) return false;
    at_ += token.size();
    return true;
  }

  std::string text_;
  const std::map<std::string, std::int64_t>& facts_;
  std::size_t at_ = 0;
};

TEST(Presets, EachExtentIsWhatItsFormulaMakesOfTheSource) {
  for (const Preset& preset : presets()) {
    const auto facts = facts_of(preset.source);
    for (const Layer& layer : preset.layers) {
      const std::string where = preset.name + ", " + layer.name;
      EXPECT_EQ(Formula(layer.n_from, facts).value(), layer.n) << where;
      // "heads * head_dim = intermediate_size": both are true.
      const std::size_t equals = layer.k_from.find(" = ");
      EXPECT_EQ(Formula(layer.k_from.substr(0, equals), facts).value(), layer.k) << where;
      if (equals == std::string::npos) continue;
      EXPECT_EQ(Formula(layer.k_from.substr(equals + 3), facts).value(), layer.k) << where;
    }
  }
}

TEST(Presets, TheListNamesEachWithItsSource) {
  const std::string text = describe_presets();
  std::string unwrapped;  // line ends and the blanks behind them become one blank
  for (const std::string_view line : split(text, '\n')) {
    unwrapped += std::string(trim(line)) + " ";
  }
  for (const Preset& preset : presets()) {
    EXPECT_NE(text.find("\n" + preset.name + ": "), std::string::npos);
    EXPECT_NE(unwrapped.find(preset.source), std::string::npos);
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
  EXPECT_EQ(complaint("# a\n# b\nlayer,n,k,n from,k from\nq,16,32,a,b\n"), "none");
  EXPECT_EQ(complaint("# a\nlayer,n,k,n from,k from\nq,16,32,a,b\n"),
            "In line 2 of preset 'x': a comment that starts with '# ' is missing.");
  EXPECT_EQ(complaint("# a\n# b\nq,16,32\n"),
            "In line 3 of preset 'x': the header is not layer,n,k,n from,k from.");
  EXPECT_EQ(complaint("# a\n# b\nlayer,n,k,n from,k from\n16,32\n"),
            "In line 4 of preset 'x': a layer is not name,n,k,n from,k from.");
  EXPECT_EQ(complaint("# a\n# b\nlayer,n,k,n from,k from\n"),
            "In line 4 of preset 'x': it has no layer.");
  EXPECT_NE(complaint("# a\n# b\nlayer,n,k,n from,k from\nq,16,many,a,b\n"), "none");
}

}  // namespace
}  // namespace deepgemm::app
