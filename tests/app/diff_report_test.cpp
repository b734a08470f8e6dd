#include "app/diff_report.h"

#include <gtest/gtest.h>

namespace deepgemm::app {
namespace {

db::WinnerRow row(std::int64_t m, int block_m, double median_us, double spread_us = 0.1,
                  const std::string& device_id = "h100-sxm5") {
  db::WinnerRow row;
  row.winner.problem = {.m = m, .n = 2112, .k = 7168};
  row.winner.config.block_m = block_m;
  row.winner.median_us = median_us;
  row.winner.spread_us = spread_us;
  row.winner.measured = true;
  row.environment.device_id = device_id;
  return row;
}

TEST(DiffReport, TellsTheKindsOfChangeApart) {
  const std::vector<db::WinnerRow> before{row(1, 64, 10), row(2, 64, 10), row(3, 64, 10),
                                          row(4, 64, 10)};
  const std::vector<db::WinnerRow> after{row(1, 64, 10.15), row(2, 128, 10), row(3, 64, 9),
                                         row(5, 64, 10)};
  const auto lines = differences(before, after, {});
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0].change, Change::kConfig);  // m = 1: inside both spreads, unchanged
  EXPECT_EQ(lines[1].change, Change::kTime);
  EXPECT_EQ(lines[2].change, Change::kRemoved);
  EXPECT_EQ(lines[2].after, nullptr);
  EXPECT_EQ(lines[3].change, Change::kAdded);
  EXPECT_EQ(lines[3].before, nullptr);
}

TEST(DiffReport, ComparesWithinOneKindOfGpu) {
  const std::vector<db::WinnerRow> before{row(1, 64, 10)};
  const std::vector<db::WinnerRow> after{row(1, 64, 10), row(1, 64, 20, 0.1, "h20")};
  const auto lines = differences(before, after, {});
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].device_id, "h20");
  EXPECT_EQ(lines[0].change, Change::kAdded);
}

TEST(DiffReport, SaysBySignWhatBecameSlower) {
  const std::vector<db::WinnerRow> before{row(1, 64, 10)};
  const std::vector<db::WinnerRow> after{row(1, 64, 11)};
  const DiffReport report{{"deepgemm-db"}, "a", "b", differences(before, after, {}), 0};
  EXPECT_NE(render(report, Format::kTable).find("+10.0 %"), std::string::npos);
  EXPECT_NE(render(report, Format::kTable).find("1 shape changed"), std::string::npos);
  EXPECT_NE(render(report, Format::kCsv).find("1.1000"), std::string::npos);
}

TEST(DiffReport, APredictedTimeIsMarkedAndComparedWithNoMeasuredOne) {
  std::vector<db::WinnerRow> before{row(1, 64, 10), row(2, 64, 10)};
  std::vector<db::WinnerRow> after{row(1, 64, 11), row(2, 64, 11)};
  before[0].winner.measured = before[1].winner.measured = after[1].winner.measured = false;
  const DiffReport report{{"deepgemm-db"}, "a", "b", differences(before, after, {}), 0};
  const std::string text = render(report, Format::kTable);
  EXPECT_NE(text.find("~10.00   11.00        -"), std::string::npos) << text;
  EXPECT_NE(text.find("~10.00  ~11.00  +10.0 %"), std::string::npos) << text;
  const std::string csv = render(report, Format::kCsv);
  EXPECT_NE(csv.find(",10.0000,11.0000,,no,yes\n"), std::string::npos) << csv;
  EXPECT_NE(csv.find(",10.0000,11.0000,1.1000,no,no\n"), std::string::npos) << csv;
}

}  // namespace
}  // namespace deepgemm::app
