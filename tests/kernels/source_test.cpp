#include <gtest/gtest.h>

#include <string>

#include "kernels/dense_source.h"
#include "kernels/embedded_sources.h"
#include "kernels/wgmma.h"

namespace deepgemm::kernels {
namespace {

int count(const std::string& text, const std::string& part) {
  int found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++found;
  }
  return found;
}

TEST(WgmmaSource, NamesEachRegisterOnce) {
  for (const int block_n : {8, 24, 128, 256}) {
    const std::string text = wgmma_source(block_n);
    EXPECT_NE(text.find("m64n" + std::to_string(block_n) + "k32"), std::string::npos);
    EXPECT_EQ(count(text, "\"+f\""), block_n / 2);
    EXPECT_NE(text.find("\"+f\"(d[" + std::to_string(block_n / 2 - 1) + "])"), std::string::npos);
  }
}

TEST(DenseSource, SaysEveryField) {
  const std::string text = dense_source({.block_m = 64, .block_n = 24, .math_warpgroups = 1});
  EXPECT_NE(text.find(".block_m = 64,"), std::string::npos);
  EXPECT_NE(text.find(".block_n = 24,"), std::string::npos);
#define DEEPGEMM_FIELD(name, value, meaning) \
  EXPECT_NE(text.find("." #name " = "), std::string::npos) << #name;
  DEEPGEMM_CONFIG_FIELDS(DEEPGEMM_FIELD)
#undef DEEPGEMM_FIELD
}

TEST(EmbeddedSources, AreSortedCompleteAndSelfContained) {
  std::string previous;
  bool has_dense = false;
  for (const EmbeddedFile& file : embedded_sources()) {
    EXPECT_LT(previous, file.name);
    previous = file.name;
    has_dense = has_dense || file.name == "kernels/dense.cuh";
    EXPECT_FALSE(file.text.empty()) << file.name;
    // NVRTC gets no include path: a system header could not be found.
    EXPECT_EQ(file.text.find("#include <"), std::string_view::npos) << file.name;
  }
  EXPECT_TRUE(has_dense);
}

}  // namespace
}  // namespace deepgemm::kernels
