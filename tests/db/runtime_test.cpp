#include "db/runtime.h"

#include <thread>

#include "core/context.h"
#include "core/default_config.h"
#include "tests/db/opened_runtime.h"

namespace deepgemm::db {
namespace {

// Tuned at 64 and 128 on an H100; 64 has no kernel, 128 one that no driver takes.
std::filesystem::path tuned(const TempFolder& folder) {
  const std::filesystem::path path = folder / "t.db";
  TuningDb database(path, OpenMode::kTune);
  database.record(winner_of(64), environment_of());
  database.record(winner_of(128, 9.0), environment_of());
  database.record(winner_of(128, 8.0), environment_of());
  database.record(cubin_of("key-128"));
  return path;
}

// The machine's fault, in words: no image of these tests can be loaded, with a GPU or without.
void expect_not_loaded(const std::string& failure) {
  const std::string lack = failure_of([] { core::device_count(); });
  if (lack.empty()) {
    EXPECT_TRUE(failure.starts_with("environment: loading a kernel failed: CUDA error "))
        << failure;
  } else {
    EXPECT_EQ(failure, lack);
    EXPECT_TRUE(lack.starts_with("environment: The NVIDIA driver")) << lack;
  }
}

TEST(Runtime, FindsWithoutAGpuAndAgreesWithTheDatabase) {
  TempFolder folder;
  const auto path = tuned(folder);
  const TuningDb again(path, OpenMode::kReadOnly);
  for (const std::string device : {"h100-sxm5", "h20"}) {
    Opened runtime({path}, device);
    for (const std::int64_t m : {1, 64, 65, 128, 4096}) {
      const core::Lookup expected = again.find(problem_of(m), environment_of(device));
      const Found found = runtime->find(problem_of(m));
      EXPECT_EQ(found.match, expected.match) << m;
      EXPECT_EQ(found.reason.view(), expected.reason);
      EXPECT_EQ(found.row->time_us, expected.winner->median_us);
      EXPECT_EQ(*found.config, core::to_string(expected.winner->config));
    }
    const core::Lookup expected = again.find(problem_of(1, 8, 16), environment_of(device));
    EXPECT_EQ(runtime->find(problem_of(1, 8, 16)).reason.view(), expected.reason);
  }
}

TEST(Runtime, ABundleAnswersAsItsDatabaseDoes) {
  TempFolder folder;
  const auto path = bundle(folder, "b.dgdb", {64, 128});
  const TuningDb again(path, OpenMode::kReadOnly);
  Opened runtime({path});
  for (const std::int64_t m : {1, 64, 100, 500}) {
    const Found found = runtime->find(problem_of(m));
    EXPECT_EQ(found.reason.view(), again.find(problem_of(m), environment_of()).reason);
    EXPECT_EQ(*found.file, path);
  }
}

TEST(Runtime, AMissIsAnAnswer) {
  TempFolder folder;
  Opened runtime({tuned(folder)});
  const Found found = runtime->find(problem_of(64, 8, 16));
  EXPECT_EQ(found.match, core::Match::kNone);
  EXPECT_EQ(found.config, nullptr);
  EXPECT_EQ(runtime->kernel(problem_of(64, 8, 16)), nullptr);
  EXPECT_EQ(runtime->kernel(problem_of(64, 2112, 16)), nullptr);
}

TEST(Runtime, AMissTakesTheNearestRowWhereThatIsAskedFor) {
  TempFolder folder;
  Opened runtime({bundle(folder, "b.dgdb", {64, 128})});
  const Found found = runtime->find(problem_of(100, 2048, 7168), MissPolicy::kNearest);
  EXPECT_EQ(found.match, core::Match::kNearest);
  EXPECT_EQ(found.kernel->key, "key-128");
  EXPECT_EQ(found.reason.view(),
            "nothing was tuned for n = 2048, k = 7168; the nearest row is 128x2112x7168 on "
            "h100-sxm5");
  // A hit stays a hit.
  EXPECT_EQ(runtime->find(problem_of(128), MissPolicy::kNearest).match, core::Match::kExact);
}

TEST(Runtime, AMissTakesTheFallbackOfTheUppermostBundle) {
  TempFolder folder;
  const auto database = tuned(folder);
  Opened runtime({database, bundle(folder, "b.dgdb", {64})});
  const Found found = runtime->find(problem_of(1, 8, 16), MissPolicy::kFallback);
  EXPECT_EQ(found.match, core::Match::kFallback);
  EXPECT_EQ(found.kernel->key, "fallback");
  EXPECT_EQ(found.grade->staleness, core::Staleness::kCurrent);
  EXPECT_EQ(found.row, nullptr);
  core::GemmProblem grouped = problem_of(64);
  grouped.operation = core::Operation::kGroupedMasked;
  grouped.groups = 32;
  EXPECT_NE(runtime->find(grouped, MissPolicy::kFallback)
                .reason.view()
                .find("no layer is a bundle with a fallback for grouped-masked products"),
            std::string::npos);
  Opened without({database});
  const Found none = without->find(problem_of(1, 8, 16), MissPolicy::kFallback);
  EXPECT_EQ(none.match, core::Match::kNone);
  EXPECT_NE(none.reason.view().find("no layer is a bundle"), std::string::npos);
}

TEST(Runtime, AMissIsCompiledOnceWhereThatIsAskedFor) {
  TempFolder folder;
  int builds = 0;
  Opened runtime({tuned(folder)}, "h100-sxm5", environment_of(),
                 [&builds](const core::GemmConfig& config) {
                   ++builds;
                   core::BuildResult result;
                   result.cubin = cubin_of("compiled");
                   result.cubin->config = config;
                   return result;
                 });
  const core::GemmProblem problem = problem_of(1, 8, 16);
  const Found found = runtime->find(problem, MissPolicy::kCompile);
  EXPECT_EQ(found.match, core::Match::kCompiled);
  EXPECT_EQ(*found.config,
            core::to_string(core::default_config(problem, device_named("h100-sxm5"))));
  EXPECT_EQ(builds, 0);
  // Without a GPU the image cannot be loaded, which is the machine's fault.
  const std::string failure = failure_of([&] { runtime->kernel(problem, MissPolicy::kCompile); });
  expect_not_loaded(failure);
  EXPECT_EQ(builds, 1);
}

// A server that meets every m would else hold a module of each.
TEST(Runtime, MissesWithOneDefaultShareItsKernel) {
  TempFolder folder;
  Opened runtime({tuned(folder)});
  std::map<std::string, const std::string*> places;  // by config
  for (std::int64_t m = 1; m <= 300; ++m) {
    const std::string* config = runtime->find(problem_of(m, 8, 16), MissPolicy::kCompile).config;
    EXPECT_EQ(places.emplace(*config, config).first->second, config) << m;
  }
  EXPECT_LT(places.size(), 300U);
}

TEST(Runtime, WithoutACompilerACompiledMissSaysSo) {
  TempFolder folder;
  Opened runtime({tuned(folder)});
  const std::string failure =
      failure_of([&] { runtime->kernel(problem_of(1, 8, 16), MissPolicy::kCompile); });
  EXPECT_EQ(failure, "environment: NVRTC is missing / Install it.");
}

TEST(LookupTable, FindsEachOfManyFamiliesAndNoOther) {
  Index index;
  for (std::int64_t n = 8; n <= 400; n += 8) {
    for (std::int64_t k = 16; k <= 800; k += 16) {
      index.families.push_back({problem_of(1, n, k), "h100-sxm5", {{n + k, 0, 0, true, 1.0}}});
    }
  }
  const Index* const layers[] = {&index};
  const LookupTable table(layers, "h100-sxm5");
  for (const IndexedFamily& family : index.families) {
    core::GemmProblem problem = family.any_m;
    const LookupTable::Answer answer = table.find(problem);
    ASSERT_NE(answer.family, nullptr) << core::to_string(problem);
    EXPECT_EQ(answer.family->tuned.at(answer.row), problem.n + problem.k);
    problem.k += 800;
    EXPECT_EQ(table.find(problem).family, nullptr) << core::to_string(problem);
    problem = family.any_m;
    problem.operation = core::Operation::kGroupedMasked;
    EXPECT_EQ(table.find(problem).family, nullptr);
  }
  EXPECT_EQ(LookupTable({}, "h100-sxm5").find(problem_of(1)).family, nullptr);
}

TEST(Runtime, UpperLayersCountMore) {
  TempFolder folder;
  core::Environment system = environment_of();
  system.driver = "of the system";
  const auto upper = bundle(folder, "user.dgdb", {100, 128});
  const auto lower = bundle(folder, "system.dgdb", {64, 128, 256}, system);
  Opened runtime({upper, lower});
  EXPECT_EQ(*runtime->find(problem_of(128)).file, upper);
  EXPECT_EQ(*runtime->find(problem_of(90)).file, upper);
  EXPECT_EQ(*runtime->find(problem_of(256)).file, lower);
  const Found found = runtime->find(problem_of(60));
  EXPECT_EQ(*found.file, lower);
  EXPECT_EQ(found.grade->staleness, core::Staleness::kVerify);
}

TEST(Runtime, RowsOfThisKindOfGpuCountMoreThanThoseOfOthersAbove) {
  TempFolder folder;
  const auto other = bundle(folder, "h20.dgdb", {64}, environment_of("h20"));
  const auto own = bundle(folder, "h100.dgdb", {128});
  Opened runtime({other, own});
  EXPECT_EQ(runtime->find(problem_of(64)).match, core::Match::kBucket);
  Opened foreign({other});
  const Found found = foreign->find(problem_of(64));
  EXPECT_EQ(found.match, core::Match::kOtherDevice);
  EXPECT_EQ(found.grade->staleness, core::Staleness::kHint);
}

TEST(Runtime, OtherSourcesAreGraded) {
  TempFolder folder;
  core::Environment here = environment_of();
  here.sources_hash = "newer";
  Opened runtime({bundle(folder, "b.dgdb", {64})}, "h100-sxm5", here);
  EXPECT_EQ(runtime->find(problem_of(64)).grade->staleness, core::Staleness::kRetune);
}

TEST(Runtime, ACurrentRowOfALayerPrecedesNewerOnesThatAreStale) {
  TempFolder folder;
  const auto path = folder / "t.db";
  core::Environment other_sources = environment_of();
  other_sources.sources_hash = "newer";
  {
    TuningDb database(path, OpenMode::kTune);
    database.record(winner_of(64, 4.0), environment_of());
    database.record(winner_of(64, 5.0), other_sources);
  }
  Opened runtime({path});
  const Found found = runtime->find(problem_of(64));
  EXPECT_EQ(found.row->time_us, 4.0);
  EXPECT_EQ(found.grade->staleness, core::Staleness::kCurrent);
  Opened other({path}, "h100-sxm5", other_sources);
  EXPECT_EQ(other->find(problem_of(64)).row->time_us, 5.0);
}

// Written before environments had the limits of their clocks.
TEST(Runtime, TheShippedBundleAnswersAndItsUnknownClocksAreNoReproach) {
  const std::filesystem::path path = DEEPGEMM_SOURCE_DIR "/db/data/h100-sxm5.dgdb";
  const TuningDb database(path, OpenMode::kReadOnly);
  core::Environment here = database.winners().at(0).environment;
  here.device_uuid = "GPU-another";
  here.sm_clock_max_mhz = 1980;
  here.power_limit_w = 700;
  Opened runtime({path}, "h100-sxm5", here);
  const Found found = runtime->find(problem_of(64));
  EXPECT_EQ(found.match, core::Match::kExact);
  EXPECT_EQ(found.grade->staleness, core::Staleness::kCurrent);
}

TEST(Runtime, AWinnerWithoutItsKernelIsTheDatabasesFault) {
  TempFolder folder;
  Opened runtime({tuned(folder)});
  const std::string failure = failure_of([&] { runtime->kernel(problem_of(64)); });
  EXPECT_TRUE(failure.starts_with("usage: " + (folder / "t.db").string() +
                                  " has a winner but not its kernel key-64 / "))
      << failure;
}

TEST(Runtime, AnImageThatCannotBeLoadedIsTheMachinesFault) {
  TempFolder folder;
  Opened runtime({tuned(folder)});
  for (int attempt = 0; attempt < 2; ++attempt) {
    expect_not_loaded(failure_of([&] { runtime->kernel(problem_of(100)); }));
  }
}

TEST(Runtime, ManyThreadsMayAskAtOnce) {
  TempFolder folder;
  Opened runtime({tuned(folder)});
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) {
        right += runtime->find(problem_of(100)).match == core::Match::kBucket;
        right += runtime->find(problem_of(i + 1, 8, 16), MissPolicy::kCompile).match ==
                 core::Match::kCompiled;
        right += failure_of([&] { runtime->kernel(problem_of(64)); }).find("usage: ") == 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 1200);
}

}  // namespace
}  // namespace deepgemm::db
