#include "app/shard.h"

#include <gtest/gtest.h>

#include <map>

#include "core/error.h"

namespace deepgemm::app {
namespace {

using Values = std::map<std::string, std::string>;

Variables from(const Values& values) {
  return [values](const char* name) -> std::optional<std::string> {
    const auto found = values.find(name);
    if (found == values.end()) return std::nullopt;
    return found->second;
  };
}

std::string found(const Values& values, std::string_view text = "") {
  const Shard shard = find_shard(text, from(values));
  return std::to_string(shard.index) + "/" + std::to_string(shard.count) + " " + shard.source;
}

TEST(Shard, OneProcessTakesAll) { EXPECT_EQ(found({}), "0/1 "); }

TEST(Shard, TheOptionOverrulesTheLauncher) {
  EXPECT_EQ(found({{"RANK", "3"}, {"WORLD_SIZE", "8"}}, "1/2"), "1/2 --shard");
}

TEST(Shard, ReadsLaunchers) {
  EXPECT_EQ(found({{"RANK", "3"}, {"WORLD_SIZE", "8"}}), "3/8 RANK");
  EXPECT_EQ(found({{"OMPI_COMM_WORLD_RANK", "1"}, {"OMPI_COMM_WORLD_SIZE", "2"}}),
            "1/2 OMPI_COMM_WORLD_RANK");
  EXPECT_EQ(found({{"PMI_RANK", "5"}, {"PMI_SIZE", "6"}}), "5/6 PMI_RANK");
  EXPECT_EQ(found({{"JOB_COMPLETION_INDEX", "2"}, {"DEEPGEMM_SHARD_COUNT", "4"}}),
            "2/4 JOB_COMPLETION_INDEX");
  EXPECT_EQ(found({{"SLURM_PROCID", "2"}, {"SLURM_STEP_NUM_TASKS", "4"}}), "2/4 SLURM_PROCID");
}

TEST(Shard, ABatchScriptOfManyTasksIsOneProcess) {
  EXPECT_EQ(found({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "4"}}), "0/1 ");
}

TEST(Shard, ASlurmArrayMayBeginAnywhereAndLeaveSteps) {
  const auto array = [](const char* id, const char* first, const char* last, const char* count) {
    return found({{"SLURM_ARRAY_TASK_ID", id},
                  {"SLURM_ARRAY_TASK_MIN", first},
                  {"SLURM_ARRAY_TASK_MAX", last},
                  {"SLURM_ARRAY_TASK_COUNT", count}});
  };
  EXPECT_EQ(array("0", "0", "7", "8"), "0/8 SLURM_ARRAY_TASK_ID");
  EXPECT_EQ(array("8", "1", "8", "8"), "7/8 SLURM_ARRAY_TASK_ID");
  EXPECT_EQ(array("30", "10", "40", "4"), "2/4 SLURM_ARRAY_TASK_ID");
  EXPECT_EQ(array("5", "5", "5", "1"), "0/1 SLURM_ARRAY_TASK_ID");
}

TEST(Shard, RefusesWhatDoesNotExist) {
  for (const char* text : {"4/4", "-1/4", "0/0", "1", "a/b", "1/", "/2", "1/2/3"}) {
    EXPECT_THROW(find_shard(text, from({})), core::UsageError) << text;
  }
  EXPECT_THROW(found({{"RANK", "8"}, {"WORLD_SIZE", "8"}}), core::UsageError);
  EXPECT_THROW(found({{"RANK", "first"}, {"WORLD_SIZE", "8"}}), core::UsageError);
}

TEST(Shard, AKubernetesIndexWithoutCountIsRefusedNotTunedTwice) {
  EXPECT_THROW(found({{"JOB_COMPLETION_INDEX", "2"}}), core::UsageError);
  EXPECT_EQ(found({{"JOB_COMPLETION_INDEX", "2"}}, "0/1"), "0/1 --shard");
}

TEST(Shard, PartsAreDisjointAndWhole) {
  std::vector<core::GemmProblem> problems(11);
  for (std::size_t i = 0; i < problems.size(); ++i) problems[i].m = static_cast<int>(i) + 1;
  std::map<std::int64_t, int> seen;
  for (int index = 0; index < 4; ++index) {
    const auto part = part_of(problems, {index, 4, ""});
    EXPECT_GE(part.size(), 2u);
    for (const core::GemmProblem& each : part) ++seen[each.m];
  }
  EXPECT_EQ(seen.size(), problems.size());
  for (const auto& [m, count] : seen) EXPECT_EQ(count, 1) << m;
  EXPECT_TRUE(part_of({problems[0]}, {1, 2, ""}).empty());
}

TEST(Shard, EachHasADatabaseOfItsOwn) {
  EXPECT_EQ(database_of("a/tuning.db", {2, 8, ""}), "a/tuning.shard-2-of-8.db");
  EXPECT_EQ(database_of("tuning.db", {0, 1, ""}), "tuning.db");
  EXPECT_EQ(database_of("plain", {1, 2, ""}), "plain.shard-1-of-2");
}

TEST(LocalRank, FollowsTheLauncher) {
  EXPECT_EQ(local_rank(from({})), std::nullopt);
  EXPECT_EQ(local_rank(from({{"LOCAL_RANK", "3"}, {"SLURM_LOCALID", "0"}})), 3);
  EXPECT_EQ(local_rank(from({{"SLURM_LOCALID", "1"}})), 1);
}

}  // namespace
}  // namespace deepgemm::app
