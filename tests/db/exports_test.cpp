// What libdeepgemm shows to the programs that link it, and what it needs of the machine.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace {

using Names = std::set<std::string>;

const Names kFunctionsOfTheHeader = {
    "deepgemm_check",  "deepgemm_close",      "deepgemm_find",    "deepgemm_gemm",
    "deepgemm_open",   "deepgemm_last_error", "deepgemm_prepare", "deepgemm_gemm_overlapped",
    "deepgemm_version"};

// Lines of a program's output, as words.
std::vector<std::vector<std::string>> output_of(const std::string& command) {
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return {};
  std::string text;
  std::array<char, 4096> buffer;
  for (std::size_t got; (got = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    text.append(buffer.data(), got);
  }
  EXPECT_EQ(pclose(pipe), 0) << command;
  std::vector<std::vector<std::string>> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    std::istringstream words(line);
    lines.push_back({std::istream_iterator<std::string>(words), {}});
  }
  return lines;
}

// Last words of the lines of `nm`, which are the names.
Names symbols(const std::string& options, const std::string& file) {
  Names names;
  for (const auto& words : output_of("nm " + options + " " + file)) {
    if (words.size() >= 2) names.insert(words.back());
  }
  return names;
}

Names starting_with(const Names& names, const std::string& prefix) {
  Names found;
  for (const std::string& name : names) {
    if (name.starts_with(prefix)) found.insert(name);
  }
  return found;
}

// The values of dynamic entries of this kind: "(NEEDED) Shared library: [libc.so.6]".
Names dynamic(const std::string& kind) {
  Names values;
  for (const auto& words : output_of("readelf --dynamic " DEEPGEMM_RUNTIME_LIBRARY)) {
    if (words.size() < 3 || words[1] != "(" + kind + ")") continue;
    values.insert(words.back().substr(1, words.back().size() - 2));
  }
  return values;
}

TEST(Exports, TheSharedObjectDefinesOnlyTheFunctionsOfTheHeader) {
  EXPECT_EQ(symbols("--dynamic --defined-only", DEEPGEMM_RUNTIME_LIBRARY), kFunctionsOfTheHeader);
}

TEST(Exports, TheArchiveDefinesOnlyTheFunctionsOfTheHeader) {
  EXPECT_EQ(symbols("--extern-only --defined-only", DEEPGEMM_RUNTIME_ARCHIVE),
            kFunctionsOfTheHeader);
}

// What is inside must not be asked of the program, which may have another version of it.
TEST(Exports, NeitherFormAsksForWhatIsInside) {
  for (const Names& wanted : {symbols("--dynamic --undefined-only", DEEPGEMM_RUNTIME_LIBRARY),
                              symbols("--undefined-only", DEEPGEMM_RUNTIME_ARCHIVE)}) {
    EXPECT_GT(wanted.size(), 20U);
    for (const char* prefix : {"sqlite3", "_ZN6SQLite", "_ZN3fmt", "_ZN6spdlog", "_ZN8deepgemm"}) {
      EXPECT_EQ(starting_with(wanted, prefix), Names{});
    }
  }
}

TEST(Exports, TheSharedObjectNeedsOnlyTheRunTimeOfCAndCpp) {
  Names allowed = {"libc.so.6",       "libm.so.6",  "libstdc++.so.6", "libgcc_s.so.1",
                   "libpthread.so.0", "libdl.so.2", "librt.so.1",     "ld-linux-x86-64.so.2"};
  if (DEEPGEMM_SANITIZED) allowed.insert({"libasan.so.8", "libubsan.so.1"});
  const Names needed = dynamic("NEEDED");
  EXPECT_TRUE(needed.contains("libc.so.6"));
  for (const std::string& library : needed) EXPECT_TRUE(allowed.contains(library)) << library;
}

TEST(Exports, TheSharedObjectIsVersioned) {
  EXPECT_EQ(dynamic("SONAME"), Names{"libdeepgemm.so.0"});
}

}  // namespace
