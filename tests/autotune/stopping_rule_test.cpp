#include "autotune/stopping_rule.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "autotune/statistics.h"
#include "tests/autotune/shapes.h"

namespace deepgemm::autotune {
namespace {

// A field of contenders that owns its measurements.
class Field {
 public:
  Field& candidate(core::Measurement m) { return add(std::move(m), true, false); }
  Field& fallback(core::Measurement m) { return add(std::move(m), true, true); }
  Field& library(core::Measurement m) { return add(std::move(m), false, true); }

  std::vector<Standing> standings() const {
    std::vector<Standing> all;
    for (std::size_t i = 0; i < measurements_.size(); ++i) {
      all.push_back({&measurements_[i], flags_[i].first, flags_[i].second});
    }
    return all;
  }

 private:
  Field& add(core::Measurement m, bool ours, bool stays) {
    measurements_.push_back(std::move(m));
    flags_.emplace_back(ours, stays);
    return *this;
  }

  std::vector<core::Measurement> measurements_;
  std::vector<std::pair<bool, bool>> flags_;
};

using Indices = std::vector<std::size_t>;

TEST(StoppingRule, ClearlySlowerCandidatesDropOut) {
  Field field;
  field.candidate(measured(10, 0.1)).candidate(measured(15, 0.1)).candidate(measured(10.02, 0.1));
  EXPECT_EQ(StoppingRule().dropouts(field.standings()), Indices{1});
}

TEST(StoppingRule, WhoMayStillLeadStays) {
  Field field;
  field.candidate(measured(10, 2)).candidate(measured(10.5, 2));
  EXPECT_TRUE(StoppingRule().dropouts(field.standings()).empty());
}

TEST(StoppingRule, TheDefaultAndLibrariesNeverDropOut) {
  Field field;
  field.candidate(measured(10)).fallback(measured(30)).library(measured(40));
  EXPECT_TRUE(StoppingRule().dropouts(field.standings()).empty());
}

TEST(StoppingRule, AFastLibraryDrivesNobodyOut) {
  Field field;
  field.library(measured(5)).candidate(measured(10)).fallback(measured(11));
  EXPECT_TRUE(StoppingRule().dropouts(field.standings()).empty());
}

TEST(StoppingRule, TheSlowerHalfLeavesALargeField) {
  Field field;
  for (int i = 0; i < 20; ++i) field.candidate(measured(10 + 0.02 * i, 1));
  Indices slower;
  for (std::size_t i = 10; i < 20; ++i) slower.push_back(i);
  EXPECT_EQ(StoppingRule().dropouts(field.standings()), slower);
}

TEST(StoppingRule, HalvingLeavesTheFinalists) {
  Field field;
  for (int i = 0; i < 10; ++i) field.candidate(measured(10 + 0.02 * i, 1));
  EXPECT_EQ(StoppingRule().dropouts(field.standings()), (Indices{8, 9}));
}

TEST(StoppingRule, WhoMayTieIsNotHalvedAway) {
  Field field;
  for (int i = 0; i < 20; ++i) field.candidate(measured(10 + 0.003 * i, 1));
  EXPECT_TRUE(StoppingRule().dropouts(field.standings()).empty());
}

TEST(StoppingRule, NobodyIsHalvedAwayBeforeItsRounds) {
  StoppingOptions options;
  options.halving_from = 25;
  Field early;
  Field late;
  for (int i = 0; i < 20; ++i) {
    core::Measurement m = measured(10 + 0.02 * i, 1);
    m.samples_us.resize(20, m.median_us);
    early.candidate(m);
    m.samples_us.resize(25, m.median_us);
    late.candidate(m);
  }
  EXPECT_TRUE(StoppingRule(options).dropouts(early.standings()).empty());
  EXPECT_EQ(StoppingRule(options).dropouts(late.standings()).size(), 10u);
}

// A GPU that slows down by half while they race: each round has the second one 3 % faster, and the
// medians, of few rounds, say the opposite.
TEST(StoppingRule, WhoIsSlowerIsToldRoundByRound) {
  core::Measurement first;
  core::Measurement second;
  for (int round = 0; round < 9; ++round) {
    const double level = round < 4 ? 10 : round == 4 ? 12 : 15;
    first.samples_us.push_back(round == 4 ? 9.9 : level);
    second.samples_us.push_back(round == 4 ? 12.5 : 0.97 * level);
  }
  first = summarise(first.samples_us);
  second = summarise(second.samples_us);
  ASSERT_LT(first.median_us, second.median_us);
  StoppingOptions options;
  options.finalists = 1;
  options.stay = 1;
  Field field;
  field.candidate(first).candidate(second);
  EXPECT_EQ(StoppingRule(options).dropouts(field.standings()), Indices{0});
}

TEST(StoppingRule, WhoLiesClearlyBeyondTheTieBandLeaves) {
  StoppingOptions options;
  options.edge = 0.003;
  options.stay = 1;
  options.finalists = 100;
  const auto series = [](double us, int rounds) {
    std::vector<double> samples;
    for (int i = 0; i < rounds; ++i) samples.push_back(us * (1 + 0.01 * (i * 7 % 11 - 5) / 5));
    return summarise(std::move(samples));
  };
  const auto left = [&](double us, int rounds) {
    Field field;
    core::Measurement other = series(us, rounds);
    std::reverse(other.samples_us.begin(), other.samples_us.end());
    field.candidate(series(10, rounds)).candidate(std::move(other));
    return StoppingRule(options).dropouts(field.standings());
  };
  EXPECT_EQ(left(10.09, 200), Indices{1}) << "0.9 % behind";
  EXPECT_TRUE(left(10.04, 200).empty()) << "0.4 % behind: not sure yet";
  EXPECT_TRUE(left(10.09, 40).empty()) << "too few rounds to be sure";
}

TEST(StoppingRule, TheTwoFastestStayHoweverFarApart) {
  Field field;
  field.candidate(measured(10, 0.1)).candidate(measured(30, 0.1)).candidate(measured(20, 0.1));
  EXPECT_EQ(StoppingRule().dropouts(field.standings()), Indices{1});
}

TEST(StoppingRule, EndsWhenOurIntervalsAreNarrow) {
  Field narrow;
  narrow.candidate(measured(10, 0.01)).library(measured(12, 3));
  Field wide;
  wide.candidate(measured(10, 1));
  const StoppingRule rule;
  EXPECT_FALSE(rule.enough(narrow.standings(), rule.options().min_rounds - 1));
  EXPECT_TRUE(rule.enough(narrow.standings(), rule.options().min_rounds));
  EXPECT_FALSE(rule.enough(wide.standings(), rule.options().min_rounds));
  EXPECT_TRUE(rule.enough(wide.standings(), rule.options().max_rounds));
}

// Like measured(), but late where that is early: no two series of a race move together.
core::Measurement opposed(double median_us, double half_width) {
  core::Measurement m = measured(median_us, half_width);
  std::reverse(m.samples_us.begin(), m.samples_us.end());
  return m;
}

TEST(StoppingRule, GoesOnWhileSomeoneLiesAtTheEdgeOfTheTieBand) {
  StoppingOptions options;
  options.edge = 0.01;
  options.gain = 0.02;
  options.precision = 1;
  const StoppingRule rule(options);
  const auto enough = [&](const Field& field) {
    return rule.enough(field.standings(), options.min_rounds);
  };
  const auto leader = [] { return Field().candidate(measured(10, 0.02)); };
  EXPECT_TRUE(enough(leader().candidate(opposed(10.02, 0.02)))) << "it ties";
  EXPECT_FALSE(enough(leader().candidate(opposed(10.1, 0.02)))) << "another run might not agree";
  EXPECT_TRUE(enough(leader().candidate(opposed(10.2, 0.02)))) << "it does not";
  EXPECT_TRUE(enough(leader().fallback(opposed(10.1, 0.02)))) << "the default is kept";
  EXPECT_FALSE(enough(leader().fallback(opposed(10.2, 0.02)))) << "another run might not agree";
  EXPECT_TRUE(enough(leader().fallback(opposed(10.4, 0.02)))) << "the default is beaten";
}

TEST(StoppingRule, BatchesEndWithTheRounds) {
  StoppingOptions options;
  options.batch = 5;
  options.max_rounds = 12;
  const StoppingRule rule(options);
  EXPECT_EQ(rule.next_batch(0), 5);
  EXPECT_EQ(rule.next_batch(10), 2);
  EXPECT_EQ(rule.next_batch(12), 0);
}

}  // namespace
}  // namespace deepgemm::autotune
