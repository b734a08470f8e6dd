#include "db/selection.h"

#include <sqlite3.h>

#include <algorithm>

#include "db/recorded_rows.h"
#include "tests/db/fixture.h"

namespace deepgemm::db {
namespace {

// Instructions of SQLite's machine that reading one winner among so many others takes.
long long steps_beside(int others) {
  SQLite::Database database(":memory:", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
  create_schema(database);
  for (int m = 1; m <= others + 1; ++m) append(database, winner_of(m), environment_of());
  long long steps = 0;
  const auto count = [](void* counter) { return ++*static_cast<long long*>(counter), 0; };
  sqlite3_progress_handler(database.getHandle(), 1, count, &steps);
  Unknown unknown;
  const auto found =
      read_winners(database, ":memory:", {.problem = problem_of(7), .newest_only = true}, unknown);
  sqlite3_progress_handler(database.getHandle(), 0, nullptr, nullptr);
  EXPECT_EQ(found.size(), 1u);
  return steps;
}

TEST(Selection, WinnersOfOtherProblemsAreNotGrouped) {
  constexpr int kMost = 20;  // of a row that is passed over; grouping takes far more
  EXPECT_LT(steps_beside(300) - steps_beside(100), kMost * 200);
}

TEST(Winners, OfTwinsComeTheNewestFirst) {
  TempFolder folder;
  TuningDb database(folder / "t.db", OpenMode::kTune);
  const auto record = [&](const std::string& uuid, double us, const std::string& asked) {
    core::Environment environment = environment_of();
    environment.device_uuid = uuid;
    core::Winner winner = winner_of(64, us);
    winner.asked = asked;
    database.record(winner, environment);
  };
  record("GPU-1", 9, "of this GPU itself");
  record("GPU-2", 10, "quick");
  record("GPU-2", 11, "default");
  record("GPU-3", 12, "exhaustive");
  std::vector<std::string> asked;
  for (const auto& each :
       database.winners_of_twins(problem_of(64), environment_of(), winner_of(64).rows)) {
    asked.push_back(each.asked);
  }
  EXPECT_EQ(asked, (std::vector<std::string>{"exhaustive", "default", "quick"}));
}

}  // namespace
}  // namespace deepgemm::db
