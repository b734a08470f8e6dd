// Rows whose kernel another version launches in another way, as the library sees them.
#include <gtest/gtest.h>

#include "tests/db/opened_runtime.h"

namespace deepgemm::db {
namespace {

// As a version would store it whose kernels have other parameters.
core::Cubin of_another_launch(core::Cubin cubin) {
  cubin.entry = "deepgemm_dense_0";
  return cubin;
}

TEST(OtherLaunchRuntime, RowsOfADatabaseWithKernelsOfAnotherLaunchArePassedOver) {
  TempFolder folder;
  const auto path = folder / "t.db";
  {
    TuningDb database(path, OpenMode::kTune);
    database.record(winner_of(64), environment_of());
    database.record(winner_of(128), environment_of());
    database.record(of_another_launch(cubin_of("key-64")));
    database.record(cubin_of("key-128"));
  }
  Opened runtime({path});
  EXPECT_EQ(runtime->find(problem_of(64)).kernel->key, "key-128");
}

TEST(OtherLaunchRuntime, SaysThatRowsWerePassedOverWhereNoOthersAreThere) {
  TempFolder folder;
  const auto path = folder / "t.db";
  {
    TuningDb database(path, OpenMode::kTune);
    database.record(winner_of(64), environment_of());
    database.record(of_another_launch(cubin_of("key-64")));
  }
  BundleContents contents;
  contents.device_id = "h100-sxm5";
  contents.winners.push_back({winner_of(64), environment_of(), "2026-01-01T00:00:00.000Z", 0});
  contents.cubins.push_back(of_another_launch(cubin_of("key-64")));
  contents.cubins.back().config = contents.winners.back().winner.config;
  write_bundle(contents, folder / "b.dgdb");
  for (const auto& layer : {path, folder / "b.dgdb"}) {
    Opened runtime({layer});
    const Found found = runtime->find(problem_of(64));
    EXPECT_EQ(found.match, core::Match::kNone);
    EXPECT_NE(found.reason.str().find("nothing that this version can launch"), std::string::npos);
    ASSERT_NE(found.grade, nullptr);
    EXPECT_EQ(found.grade->staleness, core::Staleness::kRetune);
    core::GemmProblem never = problem_of(64);
    never.n += 8;
    EXPECT_EQ(runtime->find(never).grade, nullptr);
    EXPECT_EQ(runtime->find(never).reason.str().find("this version"), std::string::npos);
  }
}

TEST(OtherLaunchRuntime, RowsOfABundleWithKernelsOfAnotherLaunchArePassedOver) {
  TempFolder folder;
  BundleContents contents;
  contents.device_id = "h100-sxm5";
  for (const std::int64_t m : {64, 128}) {
    WinnerRow row{winner_of(m), environment_of(), "2026-01-01T00:00:00.000Z", 0};
    const core::Cubin cubin = cubin_of(row.winner.kernel_key);
    contents.cubins.push_back(m == 64 ? of_another_launch(cubin) : cubin);
    contents.cubins.back().config = row.winner.config;
    contents.winners.push_back(std::move(row));
  }
  contents.cubins.push_back(of_another_launch(cubin_of("fallback")));
  contents.fallbacks.push_back({core::Operation::kDense, "fallback", environment_of()});
  write_bundle(contents, folder / "b.dgdb");
  const Catalog catalog(folder / "b.dgdb", environment_of());
  EXPECT_TRUE(catalog.index().fallbacks.empty());
  Opened runtime({folder / "b.dgdb"});
  EXPECT_EQ(runtime->find(problem_of(64)).kernel->key, "key-128");
  EXPECT_EQ(runtime->find(problem_of(128)).kernel->key, "key-128");
}

}  // namespace
}  // namespace deepgemm::db
