// Layers of rows that were merged by what was measured, and of rows that were not.
#include "db/lookup_table.h"

#include "tests/db/fixture.h"

namespace deepgemm::db {
namespace {

IndexedRow row_at(std::int64_t m, bool searched) { return {m, 0, 0, true, 1.0, searched}; }

Index index_of_rows(std::vector<IndexedRow> rows, std::int64_t merged_up_to = 0) {
  Index index;
  index.environments.push_back(environment_of());
  index.kernels.push_back({"key", "entry", "", config_of(1)});
  index.families.push_back({problem_of(1), "h100-sxm5", std::move(rows), merged_up_to});
  return index;
}

// "m layer" of each row, the uppermost layer first.
std::vector<std::string> rows_of(const std::vector<Index>& indices) {
  std::vector<const Index*> layers;
  for (const Index& each : indices) layers.push_back(&each);
  const LookupTable table(layers, "h100-sxm5");
  const LayeredFamily& family = *table.find(problem_of(1)).family;
  std::vector<std::string> rows;
  for (std::size_t i = 0; i < family.rows.size(); ++i) {
    rows.push_back(std::to_string(family.tuned[i]) + " " +
                   std::to_string(family.rows[i].place.layer));
  }
  return rows;
}

using Rows = std::vector<std::string>;

TEST(LookupTable, ALowerLayersRowSplitsNoRangeThatWasMeasured) {
  const Index merged = index_of_rows({row_at(384, false), row_at(1024, true)}, 1024);
  const Index tuned = index_of_rows({row_at(64, true), row_at(512, true), row_at(4096, true)});
  EXPECT_EQ(rows_of({merged, tuned}), (Rows{"384 0", "1024 0", "4096 1"}));
  EXPECT_EQ(rows_of({tuned, merged}), (Rows{"64 0", "384 1", "512 0", "1024 1", "4096 0"}));
}

TEST(LookupTable, RowsBelowAMergedLayerInTheMiddleStayOut) {
  const Index upper = index_of_rows({row_at(2048, true)});
  const Index merged = index_of_rows({row_at(384, false), row_at(1024, false)}, 1024);
  const Index lower = index_of_rows({row_at(64, true), row_at(1536, true)});
  EXPECT_EQ(rows_of({upper, merged, lower}), (Rows{"384 1", "1024 1", "1536 2", "2048 0"}));
}

TEST(LookupTable, RowsThatStayedAsTheyWereTunedMayBeMergedToo) {
  const Index merged = index_of_rows({row_at(384, true), row_at(1024, true)}, 1024);
  const Index tuned = index_of_rows({row_at(64, true), row_at(512, true), row_at(4096, true)});
  EXPECT_EQ(rows_of({merged, tuned}), (Rows{"384 0", "1024 0", "4096 1"}));
}

// Into which a bundle was imported, and where a larger m was tuned since.
TEST(LookupTable, OfADatabaseOnlyWhatExportMadeIsMerged) {
  Index database = index_of_rows({row_at(384, false), row_at(1024, false), row_at(8192, true)});
  database.families.at(0).merged_up_to = largest_made_by_export(database.families.at(0));
  EXPECT_EQ(database.families.at(0).merged_up_to, 1024);
  const Index lower = index_of_rows({row_at(512, true), row_at(5120, true)});
  EXPECT_EQ(rows_of({database, lower}), (Rows{"384 0", "1024 0", "5120 1", "8192 0"}));
}

TEST(BundleIndex, WhatIsNeitherTrueNorFalseIsRefused) {
  std::vector<char> bytes = encode(index_of_rows({row_at(384, false)}));
  ASSERT_TRUE(decode(bytes));
  char& searched = *(bytes.end() - 5);  // before the count of fallbacks
  ASSERT_EQ(searched, 0);
  searched = 2;
  EXPECT_FALSE(decode(bytes));
}

TEST(BundleIndex, KeepsWhichRowsASearchChose) {
  const auto read = decode(encode(index_of_rows({row_at(384, false), row_at(1024, true)})));
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->families.at(0).rows.at(0).searched);
  EXPECT_TRUE(read->families.at(0).rows.at(1).searched);
}

// As it was before families told how far they were merged.
std::vector<char> of_version_3(const Index& index, std::int64_t merged_up_to) {
  std::string text;
  for (const char byte : encode(index)) text += byte;
  const std::string told(reinterpret_cast<const char*>(&merged_up_to), sizeof merged_up_to);
  const std::size_t place = text.find(told, text.rfind("h100-sxm5"));
  text.erase(place, told.size());
  text[0] = 3;
  return {text.begin(), text.end()};
}

TEST(BundleIndex, KeepsHowFarAFamilyWasMerged) {
  const auto read = decode(encode(index_of_rows({row_at(384, true), row_at(1024, true)}, 1024)));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->families.at(0).merged_up_to, 1024);
}

TEST(BundleIndex, AFamilyOfVersion3WithARowThatExportMadeWasMergedAsAWhole) {
  const auto merged =
      decode(of_version_3(index_of_rows({row_at(384, false), row_at(1024, true)}, 77), 77));
  ASSERT_TRUE(merged);
  EXPECT_EQ(merged->families.at(0).merged_up_to, 1024);
  const auto tuned = decode(of_version_3(index_of_rows({row_at(384, true)}, 77), 77));
  ASSERT_TRUE(tuned);
  EXPECT_EQ(tuned->families.at(0).merged_up_to, 0);
}

// As deepgemm wrote them before rows told it.
TEST(BundleIndex, RowsOfVersion2AreTakenForSearched) {
  std::vector<char> bytes = of_version_3(index_of_rows({row_at(384, false)}, 77), 77);
  bytes[0] = 2;
  bytes.erase(bytes.end() - 5);  // before the count of fallbacks, which is 0
  const auto read = decode(bytes);
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->families.at(0).rows.at(0).searched);
}

}  // namespace
}  // namespace deepgemm::db
