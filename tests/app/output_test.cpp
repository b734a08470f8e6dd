#include "app/output.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "app/table.h"
#include "core/error.h"

namespace deepgemm::app {
namespace {

constexpr Format kTableAndJson[] = {Format::kTable, Format::kJson};

class OutputTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        std::filesystem::path(testing::TempDir()) / ("output_test." + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static std::string read(const std::filesystem::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }

  std::filesystem::path folder_;
};

TEST(Formats, AreNamedAndHaveSuffixes) {
  EXPECT_EQ(parse_format("json", kTableAndJson), Format::kJson);
  EXPECT_EQ(format_of("a/b.txt", kTableAndJson), Format::kTable);
  EXPECT_THROW(parse_format("csv", kTableAndJson), core::UsageError);
  EXPECT_THROW(format_of("b.csv", kTableAndJson), core::UsageError);
  EXPECT_THROW(format_of("json", kTableAndJson), core::UsageError);
  try {
    parse_format("html", kTableAndJson);
    FAIL();
  } catch (const core::UsageError& error) {
    EXPECT_EQ(error.next_step(), "Use one of: table, json.");
  }
}

TEST_F(OutputTest, ReplacesAFileAndLeavesNothingElse) {
  const auto path = folder_ / "report.json";
  write_file(path, "old");
  write_file(path, "new\n");
  EXPECT_EQ(read(path), "new\n");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

TEST_F(OutputTest, FailureKeepsWhatWasThere) {
  const auto path = folder_ / "report.json";
  std::filesystem::create_directories(path / "a folder is in the way");
  EXPECT_THROW(write_file(path, "new"), core::EnvironmentError);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

TEST_F(OutputTest, FoldersAreCheckedBeforeTheWork) {
  const std::vector<std::string> good{(folder_ / "a.json").string(), "b.txt"};
  EXPECT_EQ(plan_outputs(good, kTableAndJson).size(), 2U);
  const std::vector<std::string> bad{(folder_ / "missing" / "a.json").string()};
  EXPECT_THROW(plan_outputs(bad, kTableAndJson), core::UsageError);
}

Table sample() {
  Table table({{"m", "m"}, {"", "config"}, {"note", "note", Align::kLeft}});
  table.add_row({cell(64), cell(std::string("block_m=64")), cell(std::string("8 ± 1"))});
  table.add_row({cell(1), cell(std::string("a,b")), {"say \"x|y\"", "raw \"q\""}});
  return table;
}

TEST(TableTest, TextIsAlignedByCharacters) {
  EXPECT_EQ(sample().text(),
            " m  note\n"
            "64  8 ± 1\n"
            " 1  say \"x|y\"\n");
}

TEST(TableTest, MarkdownEscapesBars) {
  EXPECT_EQ(sample().markdown(),
            "| m | note |\n"
            "| ---: | :--- |\n"
            "| 64 | 8 ± 1 |\n"
            "| 1 | say \"x\\|y\" |\n");
}

TEST(TableTest, CsvHasAllColumnsAndQuotes) {
  EXPECT_EQ(sample().csv(),
            "m,config,note\n"
            "64,block_m=64,8 ± 1\n"
            "1,\"a,b\",\"raw \"\"q\"\"\"\n");
}

TEST(TableTest, RefusesARowOfAnotherLength) {
  Table table(std::vector<Column>{{"m", "m"}});
  EXPECT_THROW(table.add_row({}), std::logic_error);
}

TEST(TableTest, AnOptionalColumnShowsWhereItSaysSomething) {
  const std::vector<Column> columns = {{"m", "m"}, {"groups", "op", Align::kLeft, true}};
  Table table(columns);
  table.add_row({cell("64"), {"", "dense", Colour::kNone}});
  EXPECT_EQ(table.text(), " m\n64\n");
  EXPECT_EQ(table.csv(), "m,op\n64,dense\n");
  table.add_row({cell("24"), {"masked 32", "grouped-masked", Colour::kNone}});
  EXPECT_EQ(table.text(), " m  groups\n64\n24  masked 32\n");
}

}  // namespace
}  // namespace deepgemm::app
