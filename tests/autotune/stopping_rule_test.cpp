#include "autotune/stopping_rule.h"

#include <gtest/gtest.h>

#include <algorithm>

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
  for (int i = 0; i < 20; ++i) field.candidate(measured(10 + 0.001 * i, 1));
  Indices slower;
  for (std::size_t i = 10; i < 20; ++i) slower.push_back(i);
  EXPECT_EQ(StoppingRule().dropouts(field.standings()), slower);
}

TEST(StoppingRule, HalvingLeavesTheFinalists) {
  Field field;
  for (int i = 0; i < 10; ++i) field.candidate(measured(10 + 0.001 * i, 1));
  EXPECT_EQ(StoppingRule().dropouts(field.standings()), (Indices{8, 9}));
}

TEST(StoppingRule, WhoMayTieStaysByTheFixedOrderNotByLuck) {
  // Nobody is clearly slower; all may tie, and the fixed order is the reverse of their times.
  Field field;
  for (int i = 0; i < 20; ++i) field.candidate(measured(10 + 0.003 * i, 1));
  std::vector<Standing> standings = field.standings();
  for (std::size_t i = 0; i < standings.size(); ++i) standings[i].order = standings.size() - i;
  Indices middle;  // the two fastest stay, and the first eight of the fixed order
  for (std::size_t i = 2; i < 12; ++i) middle.push_back(i);
  EXPECT_EQ(StoppingRule().dropouts(standings), middle);
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
