#include <cstdlib>

#include "tests/db/fixture.h"

namespace deepgemm::db {
namespace {

TEST(DefaultDatabasePath, FollowsTheEnvironmentInOrder) {
  unsetenv("DEEPGEMM_DB");
  unsetenv("XDG_DATA_HOME");
  setenv("HOME", "/home/someone", 1);
  EXPECT_EQ(default_database_path(), "/home/someone/.local/share/deepgemm/tuning.db");
  setenv("XDG_DATA_HOME", "/data", 1);
  EXPECT_EQ(default_database_path(), "/data/deepgemm/tuning.db");
  setenv("XDG_DATA_HOME", "not/absolute", 1);
  EXPECT_EQ(default_database_path(), "/home/someone/.local/share/deepgemm/tuning.db");
  setenv("DEEPGEMM_DB", "here.db", 1);
  EXPECT_EQ(default_database_path(), "here.db");
}

}  // namespace
}  // namespace deepgemm::db
