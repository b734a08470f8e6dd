// That the tools and the library name one row: of another kind of GPU, of kernels that cannot be
// launched.
#include "db/row_choice.h"

#include "core/key.h"
#include "db/catalog.h"
#include "db/export.h"
#include "db/lookup_table.h"
#include "tests/db/small_bundle.h"

namespace deepgemm::db {
namespace {

// "device m" of the row that the library runs on an H100; "none".
std::string library_row(const std::filesystem::path& path, std::int64_t m) {
  const Catalog catalog(path, environment_of());
  const Index* const layers[] = {&catalog.index()};
  const LookupTable table(layers, "h100-sxm5");
  const LookupTable::Answer answer = table.find(problem_of(m));
  if (answer.family == nullptr) return "none";
  return answer.family->device_id + " " + std::to_string(answer.family->tuned[answer.row]);
}

// The same by what explain and coverage look at.
std::string tools_row(const std::filesystem::path& path, std::int64_t m) {
  const TuningDb database(path, OpenMode::kReadOnly);
  const std::vector<WinnerRow> winners = database.winners();
  const Family family = family_for(winners, problem_of(m), environment_of());
  const FamilyTable families(winners, environment_of());
  const Family& again = families.find(problem_of(m));
  EXPECT_EQ(again.device_id, family.device_id);
  EXPECT_EQ(again.rows, family.rows);
  const auto row = core::find_row(family.tuned, m);
  if (!row) return "none";
  EXPECT_EQ(database.find(problem_of(m), environment_of()).winner->kernel_key,
            family.rows[*row]->winner.kernel_key);
  return family.device_id + " " + std::to_string(family.tuned[*row]);
}

TEST(RowChoice, OfOtherKindsOfGpuThatOfTheBestRowAnswersEverywhere) {
  TempFolder folder;
  const auto path = folder / "t.db";
  const auto record = [&](std::int64_t m, const std::string& device, bool measured = true) {
    TuningDb(path, OpenMode::kTune).record(winner_of(m, 9, measured), environment_of(device));
  };
  record(64, "h20");
  EXPECT_EQ(tools_row(path, 64), "h20 64");
  EXPECT_EQ(library_row(path, 64), "h20 64");
  record(128, "h200-sxm5");  // the newest, not the first by name
  EXPECT_EQ(tools_row(path, 64), "h200-sxm5 128");
  EXPECT_EQ(library_row(path, 64), "h200-sxm5 128");
  record(256, "a100-sxm4", false);
  EXPECT_EQ(tools_row(path, 64), "h200-sxm5 128");
  EXPECT_EQ(library_row(path, 64), "h200-sxm5 128");
  record(512, "h100-sxm5", false);  // the kind that asks, though only predicted
  EXPECT_EQ(tools_row(path, 64), "h100-sxm5 512");
  EXPECT_EQ(library_row(path, 64), "h100-sxm5 512");
}

core::Cubin of_another_launch(const std::string& key) {
  core::Cubin cubin = cubin_of(key);
  cubin.entry = "deepgemm_dense_0";
  return cubin;
}

class OtherLaunch : public testing::Test {
 protected:
  // 64 has a kernel that another version launches in another way.
  OtherLaunch() {
    TuningDb database(path_, OpenMode::kTune);
    for (const std::int64_t m : {64, 128}) database.record(winner_of(m), environment_of());
    database.record(of_another_launch("key-64"));
    database.record(cubin_of("key-128"));
  }

  Export exported() {
    return collect(TuningDb(path_, OpenMode::kReadOnly), "h100-sxm5", {}, environment_of(),
                   [](const core::GemmConfig& config) {
                     core::BuildResult built;
                     built.cubin = cubin_of("fallback");
                     built.cubin->config = config;
                     return built;
                   });
  }

  TempFolder folder_;
  std::filesystem::path path_ = folder_ / "t.db";
};

TEST_F(OtherLaunch, ItsRowAnswersNowhere) {
  EXPECT_EQ(library_row(path_, 64), "h100-sxm5 128");
  EXPECT_EQ(tools_row(path_, 64), "h100-sxm5 128");
  const TuningDb database(path_, OpenMode::kReadOnly);
  const auto winners = database.winners();
  ASSERT_EQ(winners.size(), 2U) << "it is listed";
  EXPECT_FALSE(winners[0].is_launchable);
  EXPECT_TRUE(winners[1].is_launchable);
  EXPECT_EQ(best_rows(winners, environment_of()).size(), 1U);
}

TEST_F(OtherLaunch, ItsRowIsNotExported) {
  const Export result = exported();
  ASSERT_EQ(result.contents.winners.size(), 1U);
  EXPECT_EQ(result.contents.winners[0].winner.kernel_key, "key-128");
}

TEST_F(OtherLaunch, ItsRowOfABundleAnswersNowhere) {
  BundleContents contents = exported().contents;
  contents.winners.push_back({winner_of(64), environment_of(), "2026-01-01T00:00:00.000Z"});
  contents.cubins.push_back(of_another_launch("key-64"));
  write_bundle(contents, folder_ / "b.dgdb");
  EXPECT_EQ(library_row(folder_ / "b.dgdb", 64), "h100-sxm5 128");
  EXPECT_EQ(tools_row(folder_ / "b.dgdb", 64), "h100-sxm5 128");
}

// It is not the row that prune must leave for this machine.
TEST_F(OtherLaunch, ItsRowGoesWhereANewerOneIs) {
  core::Environment newer = environment_of();
  newer.driver = "newer";
  TuningDb database(path_, OpenMode::kTune);
  core::Winner winner = winner_of(64);
  winner.kernel_key = "key-128";
  database.record(winner, newer);
  EXPECT_EQ(database.prune({.superseded = true}, environment_of()).winners, 1);
}

}  // namespace
}  // namespace deepgemm::db
