// What libdeepgemm.so shows to the programs that load it.
#include <gtest/gtest.h>

#include <cstdio>
#include <set>
#include <string>

namespace {

TEST(Exports, OnlyTheFunctionsOfTheHeader) {
  FILE* pipe = popen("nm -D --defined-only " DEEPGEMM_RUNTIME_LIBRARY, "r");
  ASSERT_NE(pipe, nullptr);
  std::set<std::string> names;
  char address[32], kind[8], name[512];
  while (std::fscanf(pipe, "%31s %7s %511s", address, kind, name) == 3) names.insert(name);
  ASSERT_EQ(pclose(pipe), 0);
  const std::set<std::string> expected = {
      "deepgemm_close", "deepgemm_find",    "deepgemm_gemm",   "deepgemm_last_error",
      "deepgemm_open",  "deepgemm_prepare", "deepgemm_version"};
  EXPECT_EQ(names, expected);
}

}  // namespace
