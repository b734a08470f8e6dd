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

TEST(Shard, AnUnevenSlurmArrayIsRefused) {
  const auto array = [](const char* id, const char* first, const char* last, const char* count) {
    return found({{"SLURM_ARRAY_TASK_ID", id},
                  {"SLURM_ARRAY_TASK_MIN", first},
                  {"SLURM_ARRAY_TASK_MAX", last},
                  {"SLURM_ARRAY_TASK_COUNT", count}});
  };
  // 1,3,7: as far apart as 1,4,7, so that only the one in the middle can tell.
  EXPECT_EQ(array("1", "1", "7", "3"), "0/3 SLURM_ARRAY_TASK_ID");
  EXPECT_EQ(array("7", "1", "7", "3"), "2/3 SLURM_ARRAY_TASK_ID");
  EXPECT_THROW(array("3", "1", "7", "3"), core::UsageError);
  for (const char* id : {"0", "1", "3"}) {
    EXPECT_THROW(array(id, "0", "3", "3"), core::UsageError) << id;
  }
  EXPECT_THROW(array("1", "7", "1", "3"), core::UsageError);
  EXPECT_THROW(array("2", "2", "2", "2"), core::UsageError);
}

// What each of several levels says.
Values with(std::initializer_list<Values> levels) {
  Values all;
  for (const Values& level : levels) all.insert(level.begin(), level.end());
  return all;
}

Values pair(const char* index_name, int index, const char* count_name, int count) {
  return {{index_name, std::to_string(index)}, {count_name, std::to_string(count)}};
}

Values step(int index, int count) {
  return pair("SLURM_PROCID", index, "SLURM_STEP_NUM_TASKS", count);
}
Values open_mpi(int index, int count) {
  return pair("OMPI_COMM_WORLD_RANK", index, "OMPI_COMM_WORLD_SIZE", count);
}
Values ranks(int index, int count) { return pair("RANK", index, "WORLD_SIZE", count); }
// Of torchrun itself, which also says how many agents it has.
Values torchrun(int index, int count, int agents) {
  return with({ranks(index, count), {{"GROUP_WORLD_SIZE", std::to_string(agents)}}});
}
Values array(int index, int count) {
  return with({pair("SLURM_ARRAY_TASK_ID", index + 1, "SLURM_ARRAY_TASK_COUNT", count),
               pair("SLURM_ARRAY_TASK_MIN", 1, "SLURM_ARRAY_TASK_MAX", count)});
}
Values pod(int index, int count) {
  return pair("JOB_COMPLETION_INDEX", index, "DEEPGEMM_SHARD_COUNT", count);
}

TEST(Shard, TheInnermostLauncherCounts) {
  EXPECT_EQ(found(with({step(0, 1), ranks(1, 2)})), "1/2 RANK");
  EXPECT_EQ(found(with({step(1, 2), torchrun(5, 16, 2)})), "5/16 RANK");  // agents in any order
  EXPECT_EQ(found(with({step(1, 2), ranks(5, 8)})), "5/8 RANK");
  EXPECT_EQ(found(with({step(3, 4), ranks(3, 4)})), "3/4 RANK");
  EXPECT_EQ(found(with({step(0, 1), open_mpi(3, 8)})), "3/8 OMPI_COMM_WORLD_RANK");
  EXPECT_EQ(found(with({step(1, 3), open_mpi(3, 4)})), "3/4 OMPI_COMM_WORLD_RANK");  // of daemons
  EXPECT_EQ(found(with({step(2, 4), pair("PMI_RANK", 2, "PMI_SIZE", 4)})), "2/4 PMI_RANK");
  EXPECT_EQ(found(with({open_mpi(1, 2), torchrun(8, 16, 2)})), "8/16 RANK");
  // What counts a single process says nothing.
  EXPECT_EQ(found(with({step(2, 4), ranks(0, 1)})), "2/4 SLURM_PROCID");
  EXPECT_EQ(found(with({array(2, 4), step(0, 1)})), "2/4 SLURM_ARRAY_TASK_ID");
  EXPECT_EQ(found(with({pod(0, 1), ranks(1, 2)})), "1/2 RANK");
  EXPECT_EQ(found(with({array(0, 1), torchrun(3, 8, 2)})), "3/8 RANK");
}

TEST(Shard, NestedLaunchersAreCombined) {
  EXPECT_EQ(found(with({array(2, 4), step(1, 2)})), "5/8 SLURM_ARRAY_TASK_ID and SLURM_PROCID");
  EXPECT_EQ(found(with({array(2, 4), step(5, 8)})), "21/32 SLURM_ARRAY_TASK_ID and SLURM_PROCID");
  EXPECT_EQ(found(with({array(1, 2), step(0, 1), open_mpi(3, 4)})),
            "7/8 SLURM_ARRAY_TASK_ID and OMPI_COMM_WORLD_RANK");
  EXPECT_EQ(found(with({array(1, 2), torchrun(3, 8, 1)})), "11/16 SLURM_ARRAY_TASK_ID and RANK");
  EXPECT_EQ(found(with({array(1, 2), step(1, 2), torchrun(3, 8, 2)})),
            "11/16 SLURM_ARRAY_TASK_ID and RANK");
  EXPECT_EQ(found(with({pod(1, 4), torchrun(3, 8, 1)})), "11/32 JOB_COMPLETION_INDEX and RANK");
  EXPECT_EQ(found(with({pod(1, 4), ranks(1, 2)})), "3/8 JOB_COMPLETION_INDEX and RANK");
  // torchrun --standalone in each task.
  EXPECT_EQ(found(with({step(1, 2), torchrun(3, 8, 1)})), "11/16 SLURM_PROCID and RANK");
  EXPECT_EQ(found(with({array(1, 2), step(1, 2), torchrun(3, 8, 1)})),
            "27/32 SLURM_ARRAY_TASK_ID and SLURM_PROCID and RANK");
}

TEST(Shard, RanksThatSpanThePodsAreNotCombinedWithThem) {
  EXPECT_EQ(found(with({pod(1, 4), torchrun(9, 32, 4)})), "9/32 RANK");
  EXPECT_EQ(found(with({pod(1, 2), torchrun(1, 2, 2)})), "1/2 RANK");
}

TEST(Shard, WhatCannotBeToldIsRefusedWithBothNames) {
  const auto refusal = [](const Values& values) -> std::string {
    try {
      return found(values);
    } catch (const core::UsageError& error) {
      return error.what() + std::string(" ") + error.next_step();
    }
  };
  for (const Values& values : {with({pod(1, 4), ranks(3, 8)}), with({pod(1, 4), torchrun(3, 8, 2)}),
                               with({pod(1, 4), open_mpi(3, 8)})}) {
    const std::string said = refusal(values);
    EXPECT_NE(said.find("JOB_COMPLETION_INDEX is 1 of 4 and "), std::string::npos) << said;
    EXPECT_NE(said.find(" is 3 of 8, and nothing says"), std::string::npos) << said;
    EXPECT_NE(said.find("--shard I/N"), std::string::npos) << said;
  }
  for (const Values& values :
       {with({array(1, 4), ranks(3, 8)}), with({step(1, 4), torchrun(3, 8, 2)}),
        with({step(0, 2), ranks(7, 8)}), with({step(1, 2), ranks(1, 3)})}) {
    const std::string said = refusal(values);
    EXPECT_NE(said.find("nothing says"), std::string::npos) << said;
    EXPECT_NE(said.find("SLURM_"), std::string::npos) << said;
    EXPECT_NE(said.find("RANK"), std::string::npos) << said;
  }
  // Each level is checked by itself, and so is what they make together.
  EXPECT_THROW(found(with({array(1, 2), step(2, 2)})), core::UsageError);
  EXPECT_THROW(found(with({array(1, 100000), step(1, 100000)})), core::UsageError);
}

TEST(Shard, NestedPartsAreEachTakenOnce) {
  std::map<std::string, int> seen;
  for (int element = 0; element < 3; ++element) {
    for (int task = 0; task < 2; ++task) {
      for (int rank = 0; rank < 4; ++rank) {
        ++seen[found(with({array(element, 3), step(task, 2), torchrun(rank, 4, 1)}))];
      }
    }
  }
  EXPECT_EQ(seen.size(), 24u);
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
