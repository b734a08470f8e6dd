// Which times of several probes of one m may be held against each other.
#include "db/probe_races.h"

#include "tests/db/fixture.h"

namespace deepgemm::db {
namespace {

TrialRow probed(const std::string& key, double median_us, const std::string& second) {
  core::Trial trial = trial_of(64, 100 + key[0]);
  trial.kernel_key = key;
  trial.contender = key == "default" ? core::Contender::kDefault : core::Contender::kCandidate;
  trial.measurement.median_us = median_us;
  trial.policy = "probe: cold";
  return {trial, environment_of(), "2026-01-31T23:59:" + second + "Z", 0};
}

TrialRow failed(const std::string& key, core::Outcome outcome, const std::string& second) {
  TrialRow row = probed(key, 0, second);
  row.trial.outcome = outcome;
  row.trial.measurement = {};
  return row;
}

TEST(ProbeRaces, OnlyTheNewestRaceOfAnMHasTimes) {
  const TrialRow trials[] = {probed("a", 10, "10.000"), probed("b", 12, "10.000"),
                             probed("default", 15, "10.000"), probed("b", 8, "40.000"),
                             probed("default", 10, "40.000")};
  const ProbeRaces races = probe_races(trials, environment_of());
  const ProbedPoint& point = races.points.at(64);
  EXPECT_EQ(point.time_us("a"), 0);
  EXPECT_EQ(point.time_us("b"), 8);
  EXPECT_EQ(point.fallback->trial.measurement.median_us, 10);
  EXPECT_EQ(point.fastest_but("b")->trial.kernel_key, "default");
}

TEST(ProbeRaces, ARaceThatFollowsAtOnceIsTold) {
  const TrialRow trials[] = {probed("a", 10, "10.000"), probed("default", 15, "10.000"),
                             probed("default", 10, "10.100"), probed("b", 8, "10.100")};
  const ProbeRaces races = probe_races(trials, environment_of());
  EXPECT_EQ(races.points.at(64).newest.size(), 2U);
  EXPECT_EQ(races.points.at(64).time_us("a"), 0);
}

// As versions stored them that gave each time a transaction of its own.
TEST(ProbeRaces, TimesThatWereStoredWithinASecondAreOfOneRace) {
  const TrialRow trials[] = {probed("a", 10, "50.000"), probed("b", 11, "50.200"),
                             probed("default", 15, "50.900")};
  EXPECT_EQ(probe_races(trials, environment_of()).points.at(64).newest.size(), 3U);
}

TEST(ProbeRaces, WithoutTheDefaultsTimeNoRaceCameToItsEnd) {
  const TrialRow trials[] = {probed("a", 10, "10.000"), probed("default", 15, "10.000"),
                             probed("a", 9, "40.000")};
  EXPECT_EQ(probe_races(trials, environment_of()).points.at(64).fallback, nullptr);
}

TEST(ProbeRaces, WhoFailedInAnOlderRaceIsUnsoundStill) {
  const TrialRow trials[] = {failed("x", core::Outcome::kFaulted, "10.000"),
                             failed("y", core::Outcome::kLaunchFailed, "10.000"),
                             probed("default", 15, "10.000"),
                             probed("x", 5, "40.000"),
                             probed("y", 6, "40.000"),
                             probed("default", 15, "40.000")};
  const ProbeRaces races = probe_races(trials, environment_of());
  EXPECT_TRUE(races.unsound.contains("x"));
  EXPECT_FALSE(races.unsound.contains("y"));
  EXPECT_EQ(races.points.at(64).time_us("y"), 6);
}

// Which a newer probe stores before it has times.
TEST(ProbeRaces, AFailureOfAnInterruptedRaceTakesTheTimesOfNobodyElse) {
  const TrialRow trials[] = {probed("a", 10, "10.000"), probed("b", 12, "10.000"),
                             probed("default", 15, "10.000"),
                             failed("b", core::Outcome::kLaunchFailed, "40.000")};
  const ProbeRaces races = probe_races(trials, environment_of());
  EXPECT_EQ(races.points.at(64).time_us("a"), 10);
  EXPECT_EQ(races.points.at(64).time_us("b"), 0);
}

}  // namespace
}  // namespace deepgemm::db
