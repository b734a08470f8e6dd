#include <gtest/gtest.h>

#include "app/bench_options.h"
#include "app/db_options.h"
#include "app/tune_options.h"
#include "tests/app/complaint.h"

namespace deepgemm::app {
namespace {

using Words = Strings;

// argv of a command, with its name in front.
std::vector<const char*> pointers(const Words& words) {
  std::vector<const char*> argv{"deepgemm"};
  for (const auto& word : words) argv.push_back(word.c_str());
  return argv;
}

TuneArguments tune_arguments(const Words& words) {
  const auto argv = pointers(words);
  return *parse_tune_arguments(static_cast<int>(argv.size()), argv.data());
}

TuneRequest tune_request(const Words& words) { return resolve(tune_arguments(words)); }

BenchRequest bench_request(const Words& words) {
  const auto argv = pointers(words);
  return resolve(*parse_bench_arguments(static_cast<int>(argv.size()), argv.data()));
}

TEST(TuneOptions, DefaultsAreThoseOfTheContract) {
  const auto request = tune_request({"64x2112x7168"});
  EXPECT_EQ(request.problems.size(), 1U);
  EXPECT_EQ(request.options.effort, autotune::Effort::kDefault);
  EXPECT_EQ(request.options.budget_seconds, 0);
  EXPECT_FALSE(request.options.force);
  EXPECT_FALSE(request.profile.has_value());
  EXPECT_FALSE(request.dry_run);
  EXPECT_EQ(request.format, Format::kTable);
  EXPECT_FALSE(request.database.empty());
  EXPECT_FALSE(request.cache_folder.empty());
  EXPECT_EQ(request.command, Words({"deepgemm", "64x2112x7168"}));
}

TEST(TuneOptions, EveryOptionArrives) {
  const auto request = tune_request(
      {"64x8x16",  "--db",      "a.db",      "--effort", "quick", "--budget", "1.5", "--force",
       "--device", "h100-sxm5", "--dry-run", "--jobs",   "3",     "--cache",  "c",   "--format",
       "csv",      "--output",  "a.json",    "--output", "b.csv", "1x8x16"});
  EXPECT_EQ(request.problems.size(), 2U);
  EXPECT_EQ(request.database, "a.db");
  EXPECT_EQ(request.options.effort, autotune::Effort::kQuick);
  EXPECT_EQ(request.options.budget_seconds, 1.5);
  EXPECT_TRUE(request.options.force);
  EXPECT_EQ(request.profile->id, "h100-sxm5");
  EXPECT_TRUE(request.dry_run);
  EXPECT_EQ(request.jobs, 3);
  EXPECT_EQ(request.cache_folder, "c");
  EXPECT_EQ(request.format, Format::kCsv);
  ASSERT_EQ(request.outputs.size(), 2U);
  EXPECT_EQ(request.outputs[1].format, Format::kCsv);
}

TEST(TuneOptions, FixRestrictsTheSpaceAndTakesNoShape) {
  const auto request =
      tune_request({"--fix", "block_m=64,128", "--fix", "stages=4:8:*2", "1x8x16"});
  EXPECT_EQ(request.problems.size(), 1U);
  for (const auto& parameter : request.space.parameters()) {
    if (parameter.field == "block_m") {
      EXPECT_EQ(parameter.values, std::vector<int>({64, 128}));
    }
    if (parameter.field == "stages") {
      EXPECT_EQ(parameter.values, std::vector<int>({4, 8}));
    }
  }
  EXPECT_LT(request.space.size(), autotune::SearchSpace::dense().size());
}

TEST(TuneOptions, RefusesWhatCannotBe) {
  for (const Words& words :
       std::vector<Words>{{},
                          {"--nonsense", "1x8x16"},
                          {"1x8x16", "--effort", "heroic"},
                          {"1x8x16", "--budget", "-1"},
                          {"1x8x16", "--budget", "soon"},
                          {"1x8x16", "--gpu", "-1"},
                          {"1x8x16", "--gpu", "any"},
                          {"1x8x16", "--gpu", "0", "--device", "h20"},
                          {"1x8x16", "--device", "a100"},
                          {"1x8x16", "--jobs", "0"},
                          {"1x8x16", "--format", "yaml"},
                          {"1x8x16", "--output", "report"},
                          {"1x8x16", "--fix", "block_m"},
                          {"1x8x16", "--fix", "block_q=1"},
                          {"1x8x16", "--fix", "block_m="},
                          {"1x8x16", "--fix", "block_m=99999999999"},
                          {"1x8x16", "--op", "grouped-masked"},  // of how many groups?
                          {"1x8x16", "--preset", "none"},
                          {"1x8x16", "--shapes", "missing.csv"},
                          {"1x8x16", "-v", "-q"}}) {
    std::string joined;
    for (const auto& word : words) joined += word + " ";
    EXPECT_NE(complaint([&] { tune_request(words); }), "no error") << joined;
  }
}

TEST(TuneOptions, UnknownOptionIsNamed) {
  EXPECT_NE(complaint([] {
              tune_request({"1x8x16", "--nonsense"});
            }).find("--nonsense"),
            std::string::npos);
  EXPECT_NE(complaint([] {
              tune_request({"1x8x16", "--device", "a100"});
            }).find("a100"),
            std::string::npos);
}

std::string complaint_about_memory(const Words& words) {
  const auto request = tune_request(words);
  return complaint(
      [&] { require_fit(request.problems, request.options.draws, parse_profile("h100-sxm5")); });
}

bool fits(const Words& words) {
  const std::string said = complaint_about_memory(words);
  return said.find("GB for its operands") == std::string::npos;
}

TEST(TuneOptions, ShapesMustFitTheMemoryOfTheDevice) {
  EXPECT_EQ(complaint_about_memory({"4096x7168x16384"}), "no error");
  const std::string side = std::to_string(core::kMaxExtent);
  EXPECT_FALSE(fits({side + "x" + side + "x" + side}));
}

TEST(TuneOptions, TheRowsThatAreMeasuredMustFitNotTheUsualOnes) {
  const Words masked = {"64x4096x7168", "--op", "grouped-masked", "--groups", "32"};
  Words roomy = masked;
  roomy.insert(roomy.end(), {"--max-m", "200000"});
  EXPECT_TRUE(fits(masked));
  EXPECT_FALSE(fits(roomy));
  const auto given = [](const std::string& shape, const std::string& sizes) {
    return fits({shape, "--op", "grouped-contiguous", "--group-sizes", sizes});
  };
  EXPECT_FALSE(given("64x4096x7168", "9000000,0"));
  EXPECT_TRUE(given("9000000x4096x7168", "64,0"));
}

TEST(BenchOptions, ReadsAnExactConfig) {
  const auto request = bench_request({"1x8x16", "--config", "block_m=64,math_warpgroups=1"});
  ASSERT_TRUE(request.config.has_value());
  EXPECT_EQ(request.config->block_m, 64);
  EXPECT_EQ(request.config->stages, core::GemmConfig{}.stages);
  EXPECT_FALSE(request.database_named);
  EXPECT_TRUE(bench_request({"1x8x16", "--db", "x"}).database_named);
}

TEST(BenchOptions, RefusesWhatCannotBe) {
  EXPECT_NE(complaint([] { bench_request({"1x8x16", "--config", "block_m=100"}); }), "no error");
  EXPECT_NE(complaint([] { bench_request({"1x8x16", "--config", "blok_m=64"}); }), "no error");
  EXPECT_NE(complaint([] { bench_request({"1x8x16", "--config", "operation=2"}); }), "no error");
  EXPECT_NE(complaint([] { bench_request({"1x8x16", "--rounds", "0"}); }), "no error");
}

DbArguments db_arguments(const Words& words) {
  const auto argv = pointers(words);
  return *parse_db_arguments(static_cast<int>(argv.size()), argv.data());
}

TEST(DbOptions, KnowEverySubCommand) {
  EXPECT_EQ(db_arguments({"list", "--db", "x"}).common.database, "x");
  const auto show = db_arguments({"show", "1x8x16", "--format", "json"});
  EXPECT_EQ(show.action, DbAction::kShow);
  EXPECT_EQ(show.shapes.shapes, Words({"1x8x16"}));
  EXPECT_NE(complaint([] { db_arguments({}); }), "no error");
  EXPECT_NE(complaint([] { db_arguments({"merge"}); }), "no error");
  EXPECT_NE(complaint([] { db_arguments({"show"}); }), "no error");
  EXPECT_EQ(db_arguments({"merge", "a", "b"}).files, Words({"a", "b"}));
  EXPECT_EQ(db_arguments({"diff", "a", "b"}).action, DbAction::kDiff);
  EXPECT_NE(complaint([] { db_arguments({"diff", "a"}); }), "no error");
  EXPECT_NE(complaint([] { db_arguments({"import", "a", "b"}); }), "no error");
  EXPECT_EQ(db_arguments({"export", "--output", "b.dgdb"}).bundle, "b.dgdb");
  EXPECT_NE(complaint([] { db_arguments({"export"}); }), "no error");
  EXPECT_NE(complaint([] { db_arguments({"coverage"}); }), "no error");
  EXPECT_EQ(db_arguments({"explain", "1x8x16", "--device", "h20"}).device, "h20");
  EXPECT_TRUE(db_arguments({"prune", "--losers"}).prune.losers);
  EXPECT_NE(complaint([] { db_arguments({"prune", "--dry-run"}); }), "no error");
}

}  // namespace
}  // namespace deepgemm::app
