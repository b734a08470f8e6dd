// From trials of a probe to the rows of a bundle.
#include "db/probed_family.h"

#include <algorithm>

#include "db/export.h"
#include "tests/db/fixture.h"

namespace deepgemm::db {
namespace {

// Kernels by name: a and b won at 64 and 256; "default" is the untuned default everywhere.
core::Trial trial_at(std::int64_t m, const std::string& key, double median_us) {
  core::Trial trial = trial_of(m, 100 + key[0]);
  trial.kernel_key = key;
  trial.contender = key == "default" ? core::Contender::kDefault : core::Contender::kCandidate;
  trial.measurement.median_us = median_us;
  trial.policy = "probe: cold";
  return trial;
}

class Probed : public testing::Test {
 protected:
  Probed() {
    TuningDb database(path_, OpenMode::kTune);
    for (const std::string key : {"a", "b", "default"}) {
      core::Cubin cubin = cubin_of(key);
      cubin.config = config_of(100 + key[0]);
      database.record(cubin);
    }
    for (const auto& [m, key] : {std::pair{64, "a"}, {256, "b"}}) {
      core::Winner winner = winner_of(m, 10);
      winner.kernel_key = key;
      winner.config = config_of(100 + key[0]);
      database.record(winner, environment_of());
    }
    // The tune of m = 64, in a session in which all were faster.
    for (const std::string key : {"a", "default", "x"}) {
      core::Trial tuned = trial_at(64, key, 1);
      tuned.policy = "cold";
      database.record(tuned, environment_of());
    }
  }

  void race(std::int64_t m, double a_us, double b_us, double default_us) {
    TuningDb database(path_, OpenMode::kTune);
    database.record(trial_at(m, "a", a_us), environment_of());
    database.record(trial_at(m, "b", b_us), environment_of());
    database.record(trial_at(m, "default", default_us), environment_of());
  }

  Export exported(const ExportOptions& options = {}) {
    const TuningDb database(path_, OpenMode::kReadOnly);
    return collect(database, "h100-sxm5", options, environment_of(),
                   [](const core::GemmConfig& config) {
                     core::BuildResult result;
                     result.cubin = cubin_of("fallback");
                     result.cubin->config = config;
                     return result;
                   });
  }

  // "m key" of each row.
  static std::vector<std::string> rows_of(const Export& result) {
    std::vector<std::string> rows;
    for (const WinnerRow& row : result.contents.winners) {
      rows.push_back(std::to_string(row.winner.problem.m) + " " + row.winner.kernel_key);
    }
    return rows;
  }

  // Why rows were not merged. Other notes speak of the kernel of "x", which is not stored.
  static std::vector<std::string> why_kept(const Export& result) {
    std::vector<std::string> notes = result.notes;
    std::erase_if(notes, [](const std::string& note) {
      return note.find("stay as they were tuned") == std::string::npos;
    });
    return notes;
  }

  using Rows = std::vector<std::string>;
  TempFolder folder_;
  std::filesystem::path path_ = folder_ / "t.db";
};

TEST_F(Probed, TheBoundaryMovesToWhereTheCostsCross) {
  race(64, 10, 12, 15);
  race(128, 10, 11, 15);
  race(192, 11, 10, 15);
  race(256, 12, 10, 15);
  const Export result = exported();
  EXPECT_EQ(rows_of(result), (Rows{"128 a", "256 b"}));
  ASSERT_EQ(result.merged.size(), 1u);
  EXPECT_EQ(result.merged[0].before, 2u);
  EXPECT_EQ(result.merged[0].after, 2u);
  EXPECT_EQ(result.merged[0].points, 4u);
  EXPECT_EQ(result.merged[0].p95, 0);
  const core::Winner& moved = result.contents.winners[0].winner;
  EXPECT_EQ(moved.median_us, 10);
  EXPECT_EQ(moved.default_us, 15);
  EXPECT_EQ(moved.reason, "serves m = 1 to 128 at most 0.0 % behind the fastest of 3 kernels");
  EXPECT_EQ(result.contents.winners[1].winner.reason, "fastest by 4.1 %") << "as it was tuned";
}

TEST_F(Probed, RowsThatServeEachOtherAreMerged) {
  race(64, 10, 10.2, 15);
  race(128, 10.1, 10, 15);
  race(256, 10.5, 10, 15);
  const Export result = exported();
  EXPECT_EQ(rows_of(result), Rows{"256 b"});
  EXPECT_NEAR(result.merged[0].p95, 0.02, 1e-9);
  EXPECT_EQ(rows_of(exported({.max_cost = 0.01})), (Rows{"64 a", "256 b"}));
  EXPECT_EQ(rows_of(exported({.keep_rows = true})), (Rows{"64 a", "256 b"}));
}

TEST_F(Probed, WhereTheDefaultIsBetterThanAllWinnersItServes) {
  race(64, 10, 12, 15);
  race(128, 20, 20, 15);
  race(256, 12, 10, 15);
  EXPECT_EQ(rows_of(exported()), (Rows{"64 a", "128 default", "256 b"}));
}

TEST_F(Probed, TheNewestRaceCounts) {
  race(64, 10, 12, 15);
  race(128, 99, 10, 15);
  race(256, 12, 10, 15);
  race(128, 10, 99, 15);
  EXPECT_EQ(rows_of(exported()), (Rows{"128 a", "256 b"}));
}

// The newer one of m = 128 was slower for everybody: b, which it lacks, only looks faster than a.
TEST_F(Probed, TimesOfSeveralRacesAreNotMixed) {
  race(64, 10, 12, 15);
  race(128, 10, 12, 15);
  race(256, 12, 10, 15);
  {
    const core::Trial again[] = {trial_at(128, "a", 13), trial_at(128, "default", 20)};
    TuningDb(path_, OpenMode::kTune).record(again, environment_of());
  }
  EXPECT_EQ(rows_of(exported()), (Rows{"128 a", "256 b"}));
}

// A look-up over layers cannot tell it by the rows.
TEST_F(Probed, AFamilyThatKeepsItsTunedRowsWasMergedAllTheSame) {
  race(64, 10, 12, 15);
  race(256, 12, 10, 15);
  const Index merged = index_of(exported().contents);
  EXPECT_TRUE(merged.families.at(0).rows.at(0).searched);
  EXPECT_EQ(merged.families.at(0).merged_up_to, 256);
  EXPECT_EQ(index_of(exported({.keep_rows = true}).contents).families.at(0).merged_up_to, 0);
}

TEST_F(Probed, WithoutAProbeRowsStayAsTheyWereTuned) {
  const Export result = exported();
  EXPECT_EQ(rows_of(result), (Rows{"64 a", "256 b"}));
  EXPECT_TRUE(result.merged.empty());
  EXPECT_EQ(why_kept(result), Rows{});
}

TEST_F(Probed, ARowTunedAfterTheProbeIsSaid) {
  race(64, 10, 12, 15);
  race(128, 10, 11, 15);
  const Export result = exported();
  EXPECT_EQ(rows_of(result), (Rows{"64 a", "256 b"}));
  EXPECT_EQ(why_kept(result),
            Rows{"the rows of 2112x7168 stay as they were tuned, because nothing was raced at "
                 "m = 256; run deepgemm-tune --probe on these shapes"});
}

TEST_F(Probed, AWinnerThatIsNewerThanTheProbeIsKept) {
  race(64, 10, 12, 15);
  race(256, 12, 10, 15);
  {
    core::Winner winner = winner_of(64, 9);
    winner.kernel_key = "c";
    TuningDb database(path_, OpenMode::kTune);
    database.record(winner, environment_of());
    database.record(cubin_of("c"));
  }
  const Export result = exported();
  EXPECT_EQ(rows_of(result), (Rows{"64 c", "256 b"}));
  EXPECT_EQ(why_kept(result),
            Rows{"the rows of 2112x7168 stay as they were tuned, because the winner of m = 64 is "
                 "newer than the probe; run deepgemm-tune --probe on these shapes"});
}

// Another m's kernel that was wrong at one m would else serve its neighbours.
TEST_F(Probed, AKernelThatFailedInAProbeServesNowhere) {
  for (const auto outcome : {core::Outcome::kWrong, core::Outcome::kFaulted, core::Outcome::kHung,
                             core::Outcome::kWorkerLost}) {
    race(64, 10, 12, 15);
    race(128, 10, 12, 15);
    race(256, 12, 10, 15);
    TuningDb database(path_, OpenMode::kTune);
    for (const std::int64_t m : {64, 128, 256}) {
      core::Trial better = trial_at(m, "x", 5);
      if (m == 128) better.outcome = outcome;
      database.record(better, environment_of());
    }
    database.record(cubin_of("x"));
    EXPECT_EQ(rows_of(exported()), (Rows{"128 a", "256 b"})) << core::name(outcome);
  }
}

TEST_F(Probed, AWinnerThatFailedInAProbeIsNamed) {
  race(64, 10, 12, 15);
  race(128, 10, 12, 15);
  race(256, 12, 10, 15);
  core::Trial wrong = trial_at(128, "b", 12);
  wrong.outcome = core::Outcome::kWrong;
  TuningDb(path_, OpenMode::kTune).record(wrong, environment_of());
  const Export result = exported();
  EXPECT_EQ(rows_of(result), (Rows{"64 a", "256 b"}));
  EXPECT_EQ(why_kept(result),
            Rows{"the rows of 2112x7168 stay as they were tuned, because the winner of m = 256 has "
                 "the outcome 'wrong' in the probe of m = 128"});
}

TEST_F(Probed, AWinnerThatDidNotRunInItsOwnProbeIsNamed) {
  race(64, 10, 12, 15);
  race(256, 12, 10, 15);
  core::Trial refused = trial_at(64, "a", 10);
  refused.outcome = core::Outcome::kLaunchFailed;
  TuningDb(path_, OpenMode::kTune).record(refused, environment_of());
  const Export result = exported();
  EXPECT_EQ(rows_of(result), (Rows{"64 a", "256 b"}));
  EXPECT_EQ(why_kept(result),
            Rows{"the rows of 2112x7168 stay as they were tuned, because the winner of m = 64 has "
                 "the outcome 'launch-failed' in the probe of m = 64"});
}

TEST_F(Probed, RowsOfSeveralEnvironmentsStay) {
  race(64, 10, 10, 15);
  race(128, 10, 10, 15);
  race(256, 10, 10, 15);
  {
    core::Environment other = environment_of();
    other.driver = "newer";
    core::Winner winner = winner_of(512, 10);
    winner.kernel_key = "a";
    TuningDb(path_, OpenMode::kTune).record(winner, other);
  }
  const Export result = exported();
  EXPECT_EQ(result.contents.winners.size(), 3u);
  EXPECT_EQ(why_kept(result).size(), 1u);
}

TEST_F(Probed, RowsThatOnlyDoNotKnowTheirClocksAreMerged) {
  race(64, 10, 10, 15);
  race(128, 10, 10, 15);
  race(256, 10, 10, 15);
  tamper(path_, "UPDATE environments SET power_limit_w = 0");
  {
    core::Winner winner = winner_of(256, 10);
    winner.kernel_key = "a";
    TuningDb(path_, OpenMode::kTune).record(winner, environment_of());
  }
  const Export result = exported();
  EXPECT_EQ(result.contents.winners.size(), 1u);
  EXPECT_TRUE(why_kept(result).empty());
}

TEST_F(Probed, AnAnswerOfTheMergedBundleIsTheRowThatServes) {
  race(64, 10, 12, 15);
  race(128, 10, 11, 15);
  race(256, 12, 10, 15);
  write_bundle(exported().contents, folder_ / "b.dgdb");
  const TuningDb bundle(folder_ / "b.dgdb", OpenMode::kReadOnly);
  EXPECT_EQ(bundle.find(problem_of(128), environment_of()).reason,
            "m = 128 lies in (0, 128], raced at m = 128");
  const auto key_for = [&](std::int64_t m) {
    return bundle.find(problem_of(m), environment_of()).winner->kernel_key;
  };
  EXPECT_EQ(key_for(1), "a");
  EXPECT_EQ(key_for(128), "a");
  EXPECT_EQ(key_for(129), "b");
  EXPECT_EQ(key_for(100000), "b");
}

// What the row of its m says of a race and a search is of the kernel that won there.
TEST_F(Probed, ARowThatNoSearchChoseSaysOnlyWhatTheProbeFound) {
  {
    core::Winner winner = winner_of(256, 10);
    winner.kernel_key = "b";
    winner.config = config_of(100 + 'b');
    winner.asked = "quick 0123456789abcdef";
    winner.margin_low = 1.2;
    winner.margin_high = 1.3;
    winner.cublaslt_block_us = 40;
    TuningDb(path_, OpenMode::kTune).record(winner, environment_of());
  }
  race(64, 10, 12, 15);
  race(256, 10, 11, 15);
  const Export result = exported();
  ASSERT_EQ(rows_of(result), Rows{"256 a"});
  const core::Winner& row = result.contents.winners.at(0).winner;
  EXPECT_EQ(row.asked, "");
  EXPECT_EQ(row.margin_low, 0);
  EXPECT_EQ(row.margin_high, 0);
  EXPECT_EQ(row.cublaslt_block_us, 40);
  EXPECT_EQ(row.runner_up_us, 11);
  EXPECT_EQ(row.runner_up_config, config_of(100 + 'b'));
}

// Without one, verify would have nothing to hold the row against.
TEST_F(Probed, ARowBetweenTunedOnesTakesItsRivalsAlong) {
  race(64, 10, 12, 15);
  race(128, 10, 14, 15);
  race(256, 12, 10, 15);
  const Export result = exported();
  ASSERT_EQ(rows_of(result), (Rows{"128 a", "256 b"}));
  std::vector<std::string> of_128;
  for (const TrialRow& each : result.contents.trials) {
    if (each.trial.problem.m == 128) of_128.push_back(each.trial.kernel_key);
  }
  std::ranges::sort(of_128);
  EXPECT_EQ(of_128, (Rows{"a", "b", "default"}));
}

}  // namespace
}  // namespace deepgemm::db
