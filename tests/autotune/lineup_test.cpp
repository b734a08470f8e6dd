#include "autotune/lineup.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "core/default_config.h"
#include "tests/autotune/shapes.h"

namespace deepgemm::autotune {
namespace {

using core::Contender;
using core::Outcome;
using core::Trial;

const core::GemmProblem kProblem = shape(512, 4096, 7168);

// One plan for all tests of this file: it takes a while under sanitizers.
const Plan& plan() {
  static const Plan shared = make_plan(kProblem, SearchSpace::dense(), h100());
  return shared;
}

Trial stored(Contender contender, const core::GemmConfig& config, double us) {
  Trial trial;
  trial.problem = kProblem;
  trial.contender = contender;
  trial.config = config;
  trial.outcome = Outcome::kMeasured;
  trial.measurement = measured(us);
  return trial;
}

std::vector<Trial> stored_quick_run() {
  std::vector<Trial> trials;
  const Lineup first =
      line_up(kProblem, plan(), {h100(), CostModel(h100())}, Effort::kQuick, {}, {}, true);
  double us = 30;
  for (const RankedCandidate& each : first.start) {
    const bool is_default = each.config == first.fallback.config;
    trials.push_back(
        stored(is_default ? Contender::kDefault : Contender::kCandidate, each.config, us));
    us -= 1;
  }
  return trials;
}

TEST(Cut, TakesAsManyAsTheEffortSays) {
  EXPECT_EQ(cut(plan().ranked, Effort::kQuick, true).size(), 12u);
  EXPECT_EQ(cut(plan().ranked, Effort::kDefault, true).size(), 96u);
  EXPECT_EQ(cut(plan().ranked, Effort::kQuick, false).size(), 4u);
  EXPECT_TRUE(cut({}, Effort::kDefault, true).empty());
}

TEST(Cut, KeepsTheBestAndTheOrder) {
  const auto chosen = cut(plan().ranked, Effort::kDefault, true);
  EXPECT_EQ(chosen.front().config, plan().ranked.front().config);
  for (std::size_t i = 1; i < chosen.size(); ++i) {
    EXPECT_LE(chosen[i - 1].prediction.total_us, chosen[i].prediction.total_us);
  }
}

TEST(Cut, NoFamilyCrowdsOutTheOthers) {
  std::map<std::tuple<int, int, int, int>, int> families;
  for (const RankedCandidate& each : cut(plan().ranked, Effort::kDefault, true)) {
    const core::GemmConfig& c = each.config;
    EXPECT_LE(++families[std::tuple(c.block_m, c.block_n, c.math_warpgroups, c.split_k)], 8);
  }
  EXPECT_GE(families.size(), 10u);
}

TEST(Cut, ASpaceOfOneFamilyStillFillsThePlaces) {
  SearchSpace space = SearchSpace::dense();
  space.fix("block_m", {128});
  space.fix("block_n", {128});
  space.fix("math_warpgroups", {2});
  const Plan narrow = make_plan(kProblem, space, h100());
  EXPECT_EQ(cut(narrow.ranked, Effort::kQuick, true).size(),
            std::min<std::size_t>(12, narrow.ranked.size()));
}

TEST(Cut, ExhaustiveTakesAllWithinTwiceTheBest) {
  const auto chosen = cut(plan().ranked, Effort::kExhaustive, true);
  const double bound = 2 * plan().ranked.front().prediction.total_us;
  EXPECT_LE(chosen.back().prediction.total_us, bound);
  ASSERT_LT(chosen.size(), plan().ranked.size());
  EXPECT_GT(plan().ranked[chosen.size()].prediction.total_us, bound);
}

TEST(Lineup, StartsWithTheDefaultOnceOnly) {
  const Lineup lineup =
      line_up(kProblem, plan(), {h100(), CostModel(h100())}, Effort::kDefault, {}, {}, true);
  EXPECT_FALSE(lineup.answered);
  EXPECT_EQ(lineup.start.front().config, lineup.fallback.config);
  int defaults = 0;
  for (const RankedCandidate& each : lineup.start) {
    defaults += each.config == lineup.fallback.config;
  }
  EXPECT_EQ(defaults, 1);
}

TEST(Lineup, AStoredRunIsAnAnswer) {
  const Lineup lineup = line_up(kProblem, plan(), {h100(), CostModel(h100())}, Effort::kQuick,
                                {stored_quick_run()}, {}, true);
  EXPECT_TRUE(lineup.answered);
  EXPECT_TRUE(lineup.start.empty());
  EXPECT_EQ(lineup.known.size(), stored_quick_run().size());
}

TEST(Lineup, NewCandidatesMeetTheDefaultAndTheFastestStored) {
  const std::vector<Trial> before = stored_quick_run();
  const Lineup lineup =
      line_up(kProblem, plan(), {h100(), CostModel(h100())}, Effort::kDefault, {before}, {}, true);
  ASSERT_FALSE(lineup.answered);
  std::set<std::string> known;
  for (const Trial& each : before) known.insert(core::to_string(each.config));
  // The last three of the stored run were the fastest.
  ASSERT_GT(lineup.start.size(), 4u);
  EXPECT_EQ(lineup.start[0].config, lineup.fallback.config);
  EXPECT_EQ(lineup.start[1].config, before[before.size() - 1].config);
  EXPECT_EQ(lineup.start[3].config, before[before.size() - 3].config);
  for (std::size_t i = 4; i < lineup.start.size(); ++i) {
    EXPECT_FALSE(known.contains(core::to_string(lineup.start[i].config))) << i;
  }
}

// So that calls that are all cut short come to everyone.
TEST(Lineup, OfThoseThatMayWinTheOldestTimesAreRenewedFirst) {
  std::vector<Trial> before = stored_quick_run();
  for (std::size_t i = 0; i < before.size(); ++i) {
    before[i].measurement = measured(20 + 0.01 * static_cast<double>(i % 5));
  }
  const Lineup lineup = line_up(kProblem, plan(), {h100(), CostModel(h100())}, Effort::kQuick,
                                {before, false}, {}, true);
  ASSERT_TRUE(lineup.answered);
  ASSERT_EQ(lineup.rerun.size(), before.size());
  EXPECT_EQ(lineup.rerun[0].config, lineup.fallback.config);
  EXPECT_EQ(lineup.undecided.size(), before.size() - 1) << "all but the default";
  std::size_t place = 0;
  for (std::size_t i = 4; i < lineup.rerun.size(); ++i) {
    const auto found = std::ranges::find(before, lineup.rerun[i].config, &Trial::config);
    const auto at = static_cast<std::size_t>(found - before.begin());
    EXPECT_GT(at, place) << i;
    place = at;
  }
}

// Medians of different races cannot be compared: a cool GPU gave some of the losers better ones.
TEST(Lineup, TheStoredWinnerAndItsRunnerUpRaceAgainWhoeverHasBetterMedians) {
  const std::vector<Trial> before = stored_quick_run();
  const Known known{before, true, {before[1].config, before[2].config}};  // of the slowest
  const Lineup lineup =
      line_up(kProblem, plan(), {h100(), CostModel(h100())}, Effort::kDefault, known, {}, true);
  ASSERT_GT(lineup.start.size(), 6u);
  for (std::size_t i = 1; i <= 3; ++i) {
    EXPECT_EQ(lineup.start[i].config, before[before.size() - i].config) << "fast by its median";
  }
  EXPECT_EQ(lineup.start[4].config, before[2].config);
  EXPECT_EQ(lineup.start[5].config, before[1].config);
}

core::Winner winner_of(const core::GemmConfig& config, std::int64_t m = 512) {
  core::Winner winner;
  winner.problem = kProblem;
  winner.problem.m = m;
  winner.config = config;
  winner.measured = true;
  return winner;
}

Lineup line_up_with(const std::vector<core::Winner>& elsewhere,
                    const SearchSpace* space = nullptr) {
  return line_up(kProblem, plan(), {h100(), CostModel(h100()), {}, space}, Effort::kQuick, {},
                 {{}, elsewhere}, true);
}

bool tries(const Lineup& lineup, const core::GemmConfig& config) {
  return std::ranges::find(lineup.start, config, &RankedCandidate::config) != lineup.start.end();
}

TEST(Lineup, WinnersOfOtherEnvironmentsAreTriedFirst) {
  const core::GemmConfig& last = plan().ranked.back().config;
  const core::GemmConfig& before = plan().ranked.end()[-2].config;
  core::Winner second = winner_of(before, 1024);
  second.runner_up_us = 1;
  second.runner_up_config = last;
  const Lineup lineup = line_up_with({winner_of(last), second});
  ASSERT_GT(lineup.start.size(), 3u);
  EXPECT_EQ(lineup.start[1].config, last);
  EXPECT_EQ(lineup.start[2].config, before);
  EXPECT_EQ(lineup.seeds, 2);
  core::Winner predicted = winner_of(last);
  predicted.measured = false;
  EXPECT_EQ(line_up_with({predicted}).seeds, 0);
  EXPECT_EQ(line_up_with({winner_of(lineup.fallback.config)}).seeds, 0) << "runs in any case";
  const std::vector<core::Winner> here{winner_of(last)};
  EXPECT_EQ(
      line_up(kProblem, plan(), {h100(), CostModel(h100())}, Effort::kQuick, {}, {here, {}}, true)
          .seeds,
      0);
}

TEST(Lineup, NoSeedBreaksALawOfTheSpace) {
  // What the kernel and the device take, and yet the compiler spills.
  std::optional<core::GemmConfig> spills;
  SearchSpace::dense().for_each([&](const core::GemmConfig& config) {
    const bool runs = !core::broken_limit(config, h100().shared_bytes_per_block);
    if (!spills && runs && breaks_law(config, h100(), kProblem.operation)) spills = config;
  });
  ASSERT_TRUE(spills);
  core::GemmConfig grouped = plan().ranked.back().config;
  grouped.operation = core::kernel_operation(core::Operation::kGroupedMasked);
  ASSERT_FALSE(core::broken_limit(grouped, h100().shared_bytes_per_block));
  for (const core::GemmConfig& config : {*spills, grouped}) {
    core::Winner winner = winner_of(config);
    winner.runner_up_us = 1;
    winner.runner_up_config = plan().ranked.back().config;
    const Lineup lineup = line_up_with({winner});
    EXPECT_FALSE(tries(lineup, config)) << core::to_string(config);
    EXPECT_TRUE(tries(lineup, winner.runner_up_config));
  }
}

TEST(Lineup, NoSeedLeavesWhatIsFixed) {
  const core::GemmConfig& last = plan().ranked.back().config;
  SearchSpace space = SearchSpace::dense();
  EXPECT_TRUE(tries(line_up_with({winner_of(last)}, &space), last));
  space.fix("block_n", {last.block_n});
  EXPECT_TRUE(tries(line_up_with({winner_of(last)}, &space), last));
  space.fix("stages", {last.stages + 1});
  EXPECT_FALSE(tries(line_up_with({winner_of(last)}, &space), last));
}

TEST(Lineup, FailuresAreNotTriedAgain) {
  std::vector<Trial> before = stored_quick_run();
  before.front().outcome = Outcome::kWrong;  // the default
  before.back().outcome = Outcome::kCompileFailed;
  const Lineup lineup =
      line_up(kProblem, plan(), {h100(), CostModel(h100())}, Effort::kDefault, {before}, {}, true);
  for (const RankedCandidate& each : lineup.start) {
    EXPECT_NE(each.config, before.front().config);
    EXPECT_NE(each.config, before.back().config);
  }
}

TEST(Lineup, NothingThatIsQuarantinedRunsAgain) {
  const std::vector<Trial> before = stored_quick_run();
  const auto fastest = std::ranges::min_element(before, {}, [](const Trial& each) {
    return each.contender == Contender::kCandidate ? each.measurement.median_us : 1e9;
  });
  const std::vector<core::GemmConfig> quarantined{core::default_config(kProblem, h100()),
                                                  fastest->config};
  const Ranker ranker{h100(), CostModel(h100()), quarantined};
  const Lineup more =
      line_up(kProblem, plan(), ranker, Effort::kDefault, {before, false}, {}, true);
  ASSERT_FALSE(more.start.empty());
  for (const core::GemmConfig& each : quarantined) EXPECT_FALSE(tries(more, each));
  // Without any trial of the default there is an answer, too.
  std::vector<Trial> candidates = before;
  std::erase_if(candidates, [](const Trial& t) { return t.contender == Contender::kDefault; });
  const Lineup same = line_up(kProblem, plan(), ranker, Effort::kQuick, {candidates}, {}, true);
  EXPECT_TRUE(same.answered);
  EXPECT_EQ(same.left_out, 1);
}

TEST(Lineup, PredictionsAnswerOnlyWhereThereIsNoGpu) {
  std::vector<Trial> before = stored_quick_run();
  for (Trial& each : before) each.outcome = Outcome::kPredicted;
  EXPECT_FALSE(
      line_up(kProblem, plan(), {h100(), CostModel(h100())}, Effort::kQuick, {before}, {}, true)
          .answered);
  EXPECT_TRUE(
      line_up(kProblem, plan(), {h100(), CostModel(h100())}, Effort::kQuick, {before}, {}, false)
          .answered);
}

}  // namespace
}  // namespace deepgemm::autotune
