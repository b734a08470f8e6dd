#include "tests/db/fixture.h"

namespace deepgemm::db {
namespace {

class Find : public testing::Test {
 protected:
  core::Lookup find(std::int64_t m, const std::string& device_id = "h100-sxm5") {
    return database_.find(problem_of(m), environment_of(device_id));
  }

  TempFolder folder_;
  TuningDb database_{folder_ / "t.db", OpenMode::kTune};
};

TEST_F(Find, NothingNamesTheNextStep) {
  const core::Lookup lookup = find(100);
  EXPECT_EQ(lookup.match, core::Match::kNone);
  EXPECT_FALSE(lookup.winner);
  EXPECT_NE(lookup.reason.find("deepgemm-tune 100x2112x7168"), std::string::npos) << lookup.reason;
}

TEST_F(Find, ExactBucketAndAboveTheLargest) {
  for (const std::int64_t m : {128, 64, 4096}) database_.record(winner_of(m), environment_of());

  core::Lookup lookup = find(64);
  EXPECT_EQ(lookup.match, core::Match::kExact);
  EXPECT_EQ(lookup.reason, "m = 64 was tuned");
  EXPECT_EQ(lookup.winner->problem.m, 64);

  lookup = find(100);
  EXPECT_EQ(lookup.match, core::Match::kBucket);
  EXPECT_EQ(lookup.reason, "m = 100 lies in (64, 128], tuned at m = 128");
  EXPECT_EQ(lookup.winner->problem.m, 128);

  lookup = find(1);
  EXPECT_EQ(lookup.reason, "m = 1 lies in (0, 64], tuned at m = 64");

  lookup = find(5000);
  EXPECT_EQ(lookup.match, core::Match::kBucket);
  EXPECT_EQ(lookup.reason, "m = 5000 lies above m = 4096, the largest that was tuned");
  EXPECT_EQ(lookup.winner->problem.m, 4096);
}

TEST_F(Find, OtherShapesDoNotAnswer) {
  core::Winner other = winner_of(64);
  other.problem.k = 512;
  database_.record(other, environment_of());
  EXPECT_EQ(find(64).match, core::Match::kNone);
}

TEST_F(Find, OtherDeviceOnlyWhereThisOneHasNothing) {
  database_.record(winner_of(128), environment_of("h200-sxm5"));
  const core::Lookup lookup = find(100);
  EXPECT_EQ(lookup.match, core::Match::kOtherDevice);
  EXPECT_EQ(lookup.reason,
            "m = 100 lies in (0, 128], tuned at m = 128 on h200-sxm5, not on h100-sxm5");
}

TEST_F(Find, MeasuredPrecedesPredictedAndNewPrecedesOld) {
  core::Environment old_driver = environment_of();
  old_driver.driver = "570.00 (CUDA 12.8)";
  core::Environment older_driver = environment_of();
  older_driver.driver = "560.00 (CUDA 12.6)";
  database_.record(winner_of(64, 1.0, false), environment_of());
  EXPECT_EQ(find(64).reason, "m = 64 was predicted");
  database_.record(winner_of(64, 2.0, true), old_driver);
  database_.record(winner_of(64, 3.0, false), environment_of());
  EXPECT_EQ(find(64).winner->median_us, 2.0);
  database_.record(winner_of(64, 4.0, true), older_driver);
  EXPECT_EQ(find(64).winner->median_us, 4.0);
  database_.record(winner_of(64, 5.0, true), environment_of());
  EXPECT_EQ(find(64).winner->median_us, 5.0);
  database_.record(winner_of(64, 6.0, true), environment_of());
  EXPECT_EQ(find(64).winner->median_us, 6.0);
}

TEST_F(Find, AWholeFinalPrecedesANewerOneThatABudgetCut) {
  core::Winner whole = winner_of(64, 5);
  whole.reason = "fastest by 12.6 %";
  core::Winner cut = winner_of(64, 6);
  cut.reason = "default kept" + std::string(core::kCutShort);
  core::Environment other_clocks = environment_of();
  other_clocks.power_limit_w = 500;
  database_.record(cut, environment_of());
  EXPECT_EQ(find(64).winner->median_us, 6);
  database_.record(whole, environment_of());
  database_.record(cut, environment_of());
  database_.record(cut, other_clocks);
  EXPECT_EQ(find(64).winner->median_us, 5);
  // The tuner is to go on from what it did last.
  EXPECT_FALSE(core::is_decided(*database_.winner(problem_of(64), environment_of(), "")));
}

// A bundle that was exported by ranges of m comes back into the database that it is of.
TEST_F(Find, ARowThatASearchChosePrecedesANewerOneThatAnExportMade) {
  core::Winner made = winner_of(64, 6);
  made.reason =
      std::string(core::kServes) + "33 to 64 at most 2.0 % behind the fastest of 9 kernels";
  core::Environment unknown_limit = environment_of();
  unknown_limit.power_limit_w = 0;
  database_.record(made, environment_of());
  EXPECT_EQ(find(64).winner->median_us, 6) << "there is nothing else";
  database_.record(winner_of(64, 5), environment_of());
  database_.record(made, environment_of());
  database_.record(made, unknown_limit);
  EXPECT_EQ(find(64).winner->median_us, 5);
  EXPECT_EQ(database_.winner(problem_of(64), environment_of(), "")->median_us, 5);
  const auto family = database_.winners_of_family(problem_of(32), environment_of());
  ASSERT_EQ(family.size(), 1u);
  EXPECT_EQ(family.front().median_us, 5);
  EXPECT_EQ(database_.winners().front().winner.median_us, 5);
  // One that a budget cut short is a search's, but not the last word.
  core::Winner cut = winner_of(64, 7);
  cut.reason += core::kCutShort;
  database_.record(cut, environment_of());
  EXPECT_EQ(find(64).winner->median_us, 5);
  made.problem.m = cut.problem.m = 128;
  database_.record(cut, environment_of());
  database_.record(made, unknown_limit);
  EXPECT_EQ(find(128).winner->median_us, 7) << "as winners() reads them, too";
}

TEST_F(Find, ARowThatNoSearchChoseIsNotCalledTuned) {
  core::Winner made = winner_of(384, 6);
  made.reason =
      std::string(core::kServes) + "65 to 384 at most 2.0 % behind the fastest of 9 kernels";
  database_.record(winner_of(64, 5), environment_of());
  database_.record(made, environment_of());
  EXPECT_EQ(find(64).reason, "m = 64 was tuned");
  EXPECT_EQ(find(384).match, core::Match::kExact);
  EXPECT_EQ(find(384).reason, "m = 384 lies in (64, 384], raced at m = 384");
  EXPECT_EQ(find(100).reason, "m = 100 lies in (64, 384], raced at m = 384");
  EXPECT_EQ(find(999).reason, "m = 999 lies above m = 384, the largest that was raced");
}

TEST_F(Find, ACurrentRowPrecedesNewerOnesThatAreStale) {
  core::Environment other_driver = environment_of();
  other_driver.driver = "570.00 (CUDA 12.8)";
  core::Environment other_sources = environment_of();
  other_sources.sources_hash = "ffff";
  database_.record(winner_of(64, 1.0), other_sources);
  EXPECT_EQ(find(64).winner->median_us, 1.0);
  database_.record(winner_of(64, 2.0), other_driver);
  database_.record(winner_of(64, 3.0), other_sources);
  EXPECT_EQ(find(64).winner->median_us, 2.0);
  database_.record(winner_of(64, 4.0), environment_of());
  database_.record(winner_of(64, 5.0), other_driver);
  database_.record(winner_of(64, 6.0), other_sources);
  EXPECT_EQ(find(64).winner->median_us, 4.0);
  // Each machine has its own.
  EXPECT_EQ(database_.find(problem_of(64), other_driver).winner->median_us, 5.0);
  EXPECT_EQ(database_.find(problem_of(64), other_sources).winner->median_us, 6.0);
  // Of another kind of GPU all are hints: those of these sources first.
  EXPECT_EQ(find(64, "h20").winner->median_us, 4.0);
}

// The runtime library knows neither, and must not run another row than this.
TEST_F(Find, NvrtcAndPowerLimitsDoNotChoose) {
  core::Environment other = environment_of();
  other.nvrtc = "12.9";
  other.power_limit_w = 500;
  database_.record(winner_of(64, 1.0), environment_of());
  database_.record(winner_of(64, 2.0), other);
  EXPECT_EQ(find(64).winner->median_us, 2.0);
}

TEST_F(Find, TheUsualRowsPrecedeOthersUnlessTheyAreOnlyPredicted) {
  core::Winner skewed = winner_of(64, 3.0);
  skewed.rows = "rows: zipf";
  database_.record(winner_of(64, 1.0, false), environment_of());
  database_.record(skewed, environment_of());
  EXPECT_EQ(find(64).winner->median_us, 3.0);
  database_.record(winner_of(64, 2.0), environment_of());
  database_.record(skewed, environment_of());
  EXPECT_EQ(find(64).winner->median_us, 2.0);
}

TEST_F(Find, MeasuredRowsOfAnotherDevicePrecedePredictedOnes) {
  database_.record(winner_of(64, 1.0, true), environment_of("h200-sxm5"));
  database_.record(winner_of(64, 2.0, false), environment_of("h20"));
  EXPECT_EQ(find(64).winner->median_us, 1.0);
}

TEST(Family, IsTheNewestWinnersOfOtherMInOneEnvironment) {
  TempFolder folder;
  TuningDb database(folder / "t.db", OpenMode::kTune);
  const core::Environment here = environment_of();
  core::Environment elsewhere = here;
  elsewhere.device_uuid = "GPU-other";
  database.record(winner_of(512), here);
  database.record(winner_of(64, 13.5), here);
  database.record(winner_of(64, 12.5), here);
  database.record(winner_of(128), here);
  database.record(winner_of(256), elsewhere);
  const std::vector<core::Winner> family = database.winners_of_family(problem_of(128), here);
  ASSERT_EQ(family.size(), 2u);
  EXPECT_EQ(family[0].problem.m, 64);
  EXPECT_EQ(family[0].median_us, 12.5);
  EXPECT_EQ(family[1].problem.m, 512);
}

TEST(Family, ElsewhereAreTheNewestWinnersOfThisKindOfGpuInOtherEnvironments) {
  TempFolder folder;
  TuningDb database(folder / "t.db", OpenMode::kTune);
  const core::Environment here = environment_of();
  core::Environment older = here;
  older.sources_hash = "other kernels";
  core::Environment other_card = here;
  other_card.device_uuid = "GPU-other";
  database.record(winner_of(64, 1.0), here);
  database.record(winner_of(128, 13.5), older);
  database.record(winner_of(128, 12.5), older);
  database.record(winner_of(512), other_card);
  database.record(winner_of(512, 1.0, false), older);  // a prediction hides no measurement
  database.record(winner_of(256), environment_of("h20"));
  const std::vector<core::Winner> elsewhere = database.winners_elsewhere(problem_of(128), here);
  ASSERT_EQ(elsewhere.size(), 2u);
  EXPECT_EQ(elsewhere[0].problem.m, 128);
  EXPECT_EQ(elsewhere[0].median_us, 12.5);
  EXPECT_EQ(elsewhere[1].problem.m, 512);
  EXPECT_TRUE(elsewhere[1].measured);
}

TEST(Family, WinnersOfOtherRowsHideNoneOfTheUsualOnes) {
  TempFolder folder;
  TuningDb database(folder / "t.db", OpenMode::kTune);
  core::Environment older = environment_of();
  older.sources_hash = "other kernels";
  core::Winner skewed = winner_of(64, 2.0);
  skewed.rows = "rows: zipf, max_m 128";
  for (const core::Environment& where : {older, environment_of()}) {
    database.record(winner_of(64, 1.0), where);
    database.record(skewed, where);
  }
  for (const auto& found : {database.winners_elsewhere(problem_of(128), environment_of()),
                            database.winners_of_family(problem_of(128), environment_of())}) {
    ASSERT_EQ(found.size(), 2u);
    EXPECT_EQ(found[0].rows, "");
    EXPECT_EQ(found[0].median_us, 1.0);
    EXPECT_EQ(found[1].rows, skewed.rows);
  }
}

}  // namespace
}  // namespace deepgemm::db
