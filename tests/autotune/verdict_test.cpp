#include "autotune/verdict.h"

#include <gtest/gtest.h>

#include "tests/autotune/shapes.h"

namespace deepgemm::autotune {
namespace {

using core::Contender;
using core::Outcome;
using core::Trial;

Trial trial(Contender contender, int block_n, core::Measurement measurement) {
  Trial result;
  result.contender = contender;
  result.config.block_n = block_n;
  result.outcome = Outcome::kMeasured;
  result.measurement = std::move(measurement);
  return result;
}

Trial failed(Contender contender, Outcome outcome, std::string detail) {
  Trial result;
  result.contender = contender;
  result.outcome = outcome;
  result.detail = std::move(detail);
  return result;
}

TEST(Verdict, TheFastestWinsWithItsLead) {
  const std::vector<Trial> trials{trial(Contender::kDefault, 128, measured(11, 0.02)),
                                  trial(Contender::kCandidate, 96, measured(10, 0.02)),
                                  trial(Contender::kCandidate, 64, measured(10.5, 0.02)),
                                  trial(Contender::kCublasLtBlock, 128, measured(5))};
  const Verdict verdict = decide_measured(trials);
  EXPECT_EQ(verdict.winner, 1u);
  EXPECT_EQ(verdict.runner_up, 2u);
  EXPECT_EQ(verdict.reason, "fastest by 10.0 %");
}

TEST(Verdict, WithinNoiseTheDefaultIsKept) {
  const std::vector<Trial> trials{trial(Contender::kDefault, 128, measured(10.3, 2)),
                                  trial(Contender::kCandidate, 96, measured(10, 2))};
  const Verdict verdict = decide_measured(trials);
  EXPECT_EQ(verdict.winner, 0u);
  EXPECT_EQ(verdict.runner_up, 1u);
  EXPECT_EQ(verdict.reason, "default kept: no candidate gains enough");
}

TEST(Verdict, AFasterDefaultSaysSo) {
  const std::vector<Trial> trials{trial(Contender::kCandidate, 96, measured(12)),
                                  trial(Contender::kDefault, 128, measured(10))};
  EXPECT_EQ(decide_measured(trials).winner, 1u);
  EXPECT_EQ(decide_measured(trials).reason, "default kept: no candidate is faster");
}

TEST(Verdict, TiesGoToTheFirstInOrderWhateverTheMedians) {
  const Trial fallback = trial(Contender::kDefault, 128, measured(12));
  const Trial wide = trial(Contender::kCandidate, 96, measured(10));
  const Trial narrow = trial(Contender::kCandidate, 64, measured(10.01));
  EXPECT_EQ(decide_measured(std::vector{fallback, wide, narrow}).winner, 2u);
  const Trial narrow_leads = trial(Contender::kCandidate, 64, measured(9.99));
  const Verdict verdict = decide_measured(std::vector{fallback, wide, narrow_leads});
  EXPECT_EQ(verdict.winner, 2u);
  EXPECT_NE(verdict.reason.find("first of 2 that tie"), std::string::npos) << verdict.reason;
}

TEST(Verdict, ATieMustBeatTheDefaultToo) {
  // The leader gains enough on the default, the narrower tile that ties with it does not.
  const std::vector<Trial> trials{trial(Contender::kDefault, 128, measured(10.055)),
                                  trial(Contender::kCandidate, 96, measured(10)),
                                  trial(Contender::kCandidate, 64, measured(10.012))};
  EXPECT_EQ(decide_measured(trials).winner, 1u);
}

TEST(Verdict, TiesReachAsFarAsTheTieShare) {
  const auto winner_beside = [](double us) {
    return decide_measured(std::vector{trial(Contender::kCandidate, 96, measured(10)),
                                       trial(Contender::kCandidate, 64, measured(us))})
        .winner;
  };
  EXPECT_EQ(winner_beside(10.029), 1u);
  EXPECT_EQ(winner_beside(10.031), 0u);
}

// --- One race ---

// What contenders read while the clock falls by a fifth: `factor` times the round's level.
core::Measurement drifting(double factor, double jitter = 0) {
  std::vector<double> samples;
  for (int round = 0; round < 40; ++round) {
    samples.push_back(factor * (100 + 0.5 * round) * (1 + (round % 2 == 0 ? jitter : -jitter)));
  }
  return summarise(std::move(samples));
}

TEST(Verdict, OneRaceIsDecidedByItsRounds) {
  // 3 % apart in every round; the medians' intervals overlap, since all slow down by a fifth.
  const std::vector<Trial> trials{trial(Contender::kDefault, 128, drifting(1.03)),
                                  trial(Contender::kCandidate, 96, drifting(1)),
                                  trial(Contender::kCandidate, 64, drifting(1.01)),
                                  trial(Contender::kCublasLtBlock, 128, measured(5))};
  EXPECT_EQ(decide_measured(trials).winner, 0u);
  const Verdict verdict = decide_measured(trials, Sampling::kOneRace);
  EXPECT_EQ(verdict.winner, 1u);
  EXPECT_EQ(verdict.runner_up, 2u);
  EXPECT_EQ(verdict.reason, "fastest by 3.0 %");
}

TEST(Verdict, OneRaceKeepsTheDefaultUnlessItIsBeatenByMore) {
  const std::vector<Trial> close{trial(Contender::kDefault, 128, drifting(1.004)),
                                 trial(Contender::kCandidate, 96, drifting(1))};
  EXPECT_EQ(decide_measured(close, Sampling::kOneRace).winner, 0u);
  // 2 % apart on average, and behind in every other round: noise.
  const std::vector<Trial> noisy{trial(Contender::kDefault, 128, drifting(1.02, 0.05)),
                                 trial(Contender::kCandidate, 96, drifting(1))};
  EXPECT_EQ(decide_measured(noisy, Sampling::kOneRace).winner, 0u);
}

TEST(Verdict, UnequalRoundsAreComparedByTheirMedians) {
  const std::vector<Trial> trials{trial(Contender::kDefault, 128, measured(11, 0.02, 20)),
                                  trial(Contender::kCandidate, 96, measured(10, 0.02, 21))};
  EXPECT_EQ(decide_measured(trials, Sampling::kOneRace).winner, 1u);
}

TEST(Verdict, WithoutADefaultTheFastestWins) {
  const std::vector<Trial> trials{failed(Contender::kDefault, Outcome::kWrong, "poison is left"),
                                  trial(Contender::kCandidate, 96, measured(10))};
  const Verdict verdict = decide_measured(trials);
  EXPECT_EQ(verdict.winner, 1u);
  EXPECT_EQ(verdict.runner_up, std::nullopt);
  EXPECT_EQ(verdict.reason, "fastest; the default did not survive");
  EXPECT_EQ(decide_measured(std::span(trials).last(1)).reason, "fastest; the default was left out");
}

TEST(Verdict, NoSurvivorIsExplainedByTheFirstFailure) {
  const std::vector<Trial> trials{failed(Contender::kDefault, Outcome::kWrong, "poison is left")};
  const Verdict verdict = decide_measured(trials);
  EXPECT_EQ(verdict.winner, std::nullopt);
  EXPECT_EQ(verdict.reason, "no candidate survived; the first failure: wrong: poison is left");
  EXPECT_EQ(decide_measured({}).reason, "no candidate was left to try");
}

TEST(Verdict, PredictionsDecideWhereNothingWasMeasured) {
  std::vector<Trial> trials(3);
  for (Trial& each : trials) each.outcome = Outcome::kPredicted;
  trials[0].contender = Contender::kDefault;
  trials[0].predicted_us = 12;
  trials[1].predicted_us = 10;
  trials[2].predicted_us = 8;
  trials[2].outcome = Outcome::kCompileFailed;
  const Verdict verdict = decide_predicted(trials);
  EXPECT_EQ(verdict.winner, 1u);
  EXPECT_EQ(verdict.runner_up, 0u);
}

// --- Bits ---

std::vector<Outcome> outcomes_after(std::vector<std::pair<Contender, unsigned long long>> bits) {
  std::vector<Trial> trials;
  for (const auto& [contender, hash] : bits) {
    trials.push_back(trial(contender, 128, {}));
    trials.back().verification.bits_hash = hash;
  }
  std::vector<Trial*> pointers;
  for (Trial& each : trials) pointers.push_back(&each);
  reject_dissenters(pointers);
  std::vector<Outcome> outcomes;
  for (const Trial& each : trials) {
    outcomes.push_back(each.outcome);
    EXPECT_EQ(each.detail.empty(), each.outcome == Outcome::kMeasured);
  }
  return outcomes;
}

constexpr Outcome kGood = Outcome::kMeasured;
constexpr Outcome kWrong = Outcome::kWrong;

TEST(Dissenters, AgreementHurtsNobody) {
  EXPECT_EQ(outcomes_after({{Contender::kDefault, 7}, {Contender::kCandidate, 7}}),
            (std::vector{kGood, kGood}));
  EXPECT_TRUE(outcomes_after({}).empty());
}

TEST(Dissenters, TheMajorityIsRightEvenAgainstTheDefault) {
  EXPECT_EQ(outcomes_after(
                {{Contender::kDefault, 1}, {Contender::kCandidate, 7}, {Contender::kCandidate, 7}}),
            (std::vector{kWrong, kGood, kGood}));
}

TEST(Dissenters, TheDefaultBreaksATieAndWithoutOneNobodyIsTrusted) {
  EXPECT_EQ(outcomes_after({{Contender::kCandidate, 1}, {Contender::kDefault, 7}}),
            (std::vector{kWrong, kGood}));
  EXPECT_EQ(outcomes_after({{Contender::kCandidate, 9}, {Contender::kCandidate, 1}}),
            (std::vector{kWrong, kWrong}));
}

TEST(Dissenters, BitsThatAreKnownToBeRightCountAndNotTheMajority) {
  std::vector<Trial> trials;
  for (const unsigned long long hash : {7ull, 7ull, 8ull}) {
    trials.push_back(trial(Contender::kCandidate, 128, {}));
    trials.back().verification.bits_hash = hash;
  }
  trials.push_back(trial(Contender::kCandidate, 128, {}));
  trials.back().config.split_k = 2;
  std::vector<Trial*> pointers;
  for (Trial& each : trials) pointers.push_back(&each);
  reject_dissenters(pointers, 8);
  EXPECT_EQ(trials[0].outcome, kWrong);
  EXPECT_EQ(trials[1].outcome, kWrong);
  EXPECT_NE(trials[1].detail.find("from that of the dense kernel"), std::string::npos);
  EXPECT_EQ(trials[2].outcome, kGood);
  EXPECT_EQ(trials[3].outcome, kGood) << "which adds in another order";
}

TEST(Dissenters, SlicesOfKAreAddedInAnotherOrderAndHeldToThoseOfEquallyMany) {
  // (split_k, bits)
  const std::pair<int, unsigned long long> kernels[] = {{1, 7}, {1, 7}, {1, 8}, {2, 8},
                                                        {2, 8}, {2, 7}, {4, 9}, {2, 8}};
  std::vector<Trial> trials;
  for (const auto& [split_k, hash] : kernels) {
    trials.push_back(trial(Contender::kCandidate, 128, {}));
    trials.back().config.split_k = split_k;
    trials.back().verification.bits_hash = hash;
  }
  std::vector<Trial*> pointers;
  for (Trial& each : trials) pointers.push_back(&each);
  reject_dissenters(pointers);
  std::vector<Outcome> outcomes;
  for (const Trial& each : trials) outcomes.push_back(each.outcome);
  EXPECT_EQ(outcomes, (std::vector{kGood, kGood, kWrong, kGood, kGood, kWrong, kGood, kGood}));
  EXPECT_NE(trials[5].detail.find("from that of 3 of 4 candidates"), std::string::npos)
      << trials[5].detail;
}

}  // namespace
}  // namespace deepgemm::autotune
