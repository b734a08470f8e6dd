// Grouped products as a server launches them, and the check of their rows.
#include "tests/db/scripted_driver/serving_fixture.h"

namespace deepgemm::db {
namespace {

// What the last grouped launch was told.
kernels::GemmArguments grouped_arguments;
Tensor grouped_tensors[4];
int launched = 0;
void keep_launch(const Launch& launch) {
  ++launched;
  grouped_arguments = arguments_of(launch);
  for (int i = 0; i < 4; ++i) grouped_tensors[i] = map_of(launch, i);
}

class ServingGroups : public Serving {
 protected:
  ServingGroups() {
    BundleContents contents;
    contents.device_id = "h100-sxm5";
    WinnerRow row{winner_of(64), environment_of(), "2026-01-01T00:00:00.000Z", 0};
    row.winner.problem = {
        .operation = core::Operation::kGroupedMasked, .m = 64, .n = 2112, .k = 7168, .groups = 4};
    row.winner.config = core::parse_config("block_m=64,math_warpgroups=1,operation=3");
    row.winner.kernel_key = key_of(64);
    contents.cubins.push_back(kernel_named(key_of(64), row.winner.config));
    contents.winners.push_back(row);
    contents.fallbacks.push_back({core::Operation::kGroupedMasked, key_of(64), environment_of()});
    row.winner.problem.operation = core::Operation::kGroupedContiguous;
    row.winner.problem.alignment = 16;
    row.winner.config.operation = kernels::kGroupedContiguous;
    row.winner.kernel_key = "contiguous";
    contents.cubins.push_back(kernel_named("contiguous", row.winner.config));
    contents.winners.push_back(row);
    contents.fallbacks.push_back(
        {core::Operation::kGroupedContiguous, "contiguous", environment_of()});
    write_bundle(contents, grouped_path_);
    scripted_driver::watch_launches(keep_launch);
  }
  ~ServingGroups() override { scripted_driver::pretend_capture(false); }

  deepgemm_operands operands(const std::int32_t* rows, std::int64_t extent) {
    deepgemm_operands operands = operands_at(0);
    operands.rows = rows;
    operands.row_extent = extent;
    return operands;
  }

  deepgemm::Runtime checked_runtime() {
    setenv("DEEPGEMM_CHECK", "1", 1);
    deepgemm::Runtime runtime(grouped_path_);
    unsetenv("DEEPGEMM_CHECK");
    return runtime;
  }

  // What a call says; empty where it launches.
  std::string complaint(deepgemm::Runtime& runtime, const deepgemm_problem& problem,
                        const std::vector<std::int32_t>& rows, std::int64_t extent) {
    launched = 0;
    try {
      EXPECT_TRUE(runtime.gemm(problem, operands(rows.data(), extent)));
      EXPECT_EQ(launched, 1);
      return "";
    } catch (const std::runtime_error&) {
      EXPECT_EQ(launched, 0) << "what is refused is not run";
      return deepgemm_last_error();
    }
  }

  std::string grouped_path_ = (folder_ / "g.dgdb").string();
  const deepgemm_problem problem_{50, 2112, 7168, DEEPGEMM_GROUPED_MASKED, 4};
  const deepgemm_problem contiguous_{50, 2112, 7168, DEEPGEMM_GROUPED_CONTIGUOUS, 4, 16};
};

// A map of rows, written as (group, how many rows of it).
std::vector<std::int32_t> map_of(const std::vector<std::pair<int, int>>& segments) {
  std::vector<std::int32_t> map;
  for (const auto& [group, rows] : segments) {
    map.insert(map.end(), static_cast<std::size_t>(rows), group);
  }
  return map;
}

TEST_F(ServingGroups, ALaunchCarriesRoomRowsAndGroups) {
  deepgemm::Runtime runtime(grouped_path_);
  const std::int32_t rows[4] = {3, 0, 200, -1};
  EXPECT_EQ(runtime.find(problem_).match, DEEPGEMM_MATCH_BUCKET);
  ASSERT_TRUE(runtime.prepare({problem_}));
  ASSERT_TRUE(runtime.gemm(problem_, operands(rows, 150)));
  EXPECT_EQ(grouped_arguments.rows, rows);
  EXPECT_EQ(grouped_arguments.m, 150);
  EXPECT_EQ(grouped_arguments.groups, 4);
  EXPECT_EQ(grouped_tensors[kMapOfA].rows, 4u * 150);
  EXPECT_EQ(grouped_tensors[kMapOfB].rows, 4u * 2112);
  EXPECT_EQ(grouped_tensors[kMapOfScales].rows, 4u * 56 * 152 / 32) << "lines of A's scales";
  EXPECT_EQ(grouped_tensors[kMapOfScales].columns, 32u);
  EXPECT_EQ(grouped_tensors[kMapOfD].rows, 4u * 150);
  EXPECT_EQ(runtime.find({50, 2112, 7168, DEEPGEMM_GROUPED_MASKED, 5}).match, DEEPGEMM_MATCH_NONE);
  EXPECT_EQ(runtime.find({50, 2112, 7168, DEEPGEMM_GROUPED_MASKED, 5}, DEEPGEMM_MISS_NEAREST).match,
            DEEPGEMM_MATCH_NEAREST);
}

TEST_F(ServingGroups, ACheckFindsBadRowsAndIsLegalDuringCapture) {
  deepgemm::Runtime runtime(grouped_path_);
  const std::int32_t good[4] = {3, 0, 150, 1};
  const std::int32_t bad[4] = {3, 0, 151, 1};
  EXPECT_NO_THROW(runtime.check(problem_, operands(good, 150)));
  EXPECT_THROW(runtime.check(problem_, operands(bad, 150)), std::runtime_error);
  EXPECT_NE(std::strstr(deepgemm_last_error(), "group 2 has 151 rows"), nullptr);
  EXPECT_TRUE(runtime.gemm(problem_, operands(bad, 150)))
      << "which only a checked runtime looks at";
  scripted_driver::pretend_capture(true);
  EXPECT_NO_THROW(runtime.check(problem_, operands(bad, 150)));
}

TEST_F(ServingGroups, ACheckedRuntimeRefusesCountsThatNoGroupHasRoomFor) {
  deepgemm::Runtime runtime = checked_runtime();
  EXPECT_EQ(complaint(runtime, problem_, {0, 150, 1, 149}, 150), "");
  EXPECT_NE(complaint(runtime, problem_, {3, 0, -1, 1}, 150).find("group 2 has -1 rows"),
            std::string::npos);
  EXPECT_NE(complaint(runtime, problem_, {3, 0, 0, 151}, 150).find("group 3 has 151 rows"),
            std::string::npos);
}

TEST_F(ServingGroups, ACheckedRuntimeRefusesMapsThatBreakTheRules) {
  deepgemm::Runtime runtime = checked_runtime();
  struct {
    std::vector<std::pair<int, int>> map;
    const char* said;
  } const maps[] = {
      {{{2, 20}, {-1, 12}, {0, 16}, {3, 1}}, ""},
      {{{-1, 32}}, ""},
      {{{-9, 16}, {1, 3}, {-2, 13}}, ""},
      {{{1, 3}, {-1, 30}, {1, 1}}, ""},  // padding within a segment is computed
      {{{0, 16}, {4, 1}}, "row 16 belongs to group 4, and there are 4"},
      {{{0, 8}, {1, 8}}, "group 1 starts at row 8, which is no multiple of the alignment 16"},
      {{{0, 16}, {1, 16}, {0, 1}}, "row 32 belongs to group 0, whose other rows lie before"},
      {{{0, 3}, {-1, 13}, {1, 16}, {-1, 16}, {0, 1}}, "row 48 belongs to group 0, whose other"},
  };
  for (const auto& [segments, said] : maps) {
    const std::vector<std::int32_t> map = map_of(segments);
    const std::string found =
        complaint(runtime, contiguous_, map, static_cast<std::int64_t>(map.size()));
    EXPECT_EQ(found.empty(), *said == '\0') << found;
    EXPECT_NE(found.find(said), std::string::npos) << found;
  }
}

TEST_F(ServingGroups, AnUncheckedRuntimeLaunchesWhateverTheRowsHold) {
  deepgemm::Runtime runtime(grouped_path_);
  const std::vector<std::int32_t> bad = map_of({{0, 3}, {7, 2}, {0, 1}});
  EXPECT_EQ(complaint(runtime, contiguous_, bad, 6), "");
  EXPECT_EQ(complaint(runtime, problem_, {999, -5, 0, 1}, 150), "");
}

TEST_F(ServingGroups, EveryRuntimeRefusesNoRoomForRows) {
  deepgemm::Runtime runtime(grouped_path_);
  const std::vector<std::int32_t> none = {0, 0, 0, 0};
  for (const deepgemm_problem& each : {problem_, contiguous_}) {
    EXPECT_NE(complaint(runtime, each, none, 0).find("row_extent = 0 must be from 1"),
              std::string::npos);
    EXPECT_NE(complaint(runtime, each, none, -4).find("row_extent = -4 must be from 1"),
              std::string::npos);
  }
}

TEST_F(ServingGroups, AContiguousLaunchCarriesAllRows) {
  deepgemm::Runtime runtime = checked_runtime();
  const std::vector<std::int32_t> map = map_of({{3, 17}, {-1, 15}, {1, 10}});
  EXPECT_EQ(complaint(runtime, contiguous_, map, 42), "");
  EXPECT_EQ(grouped_arguments.rows, map.data());
  EXPECT_EQ(grouped_arguments.m, 42);
  EXPECT_EQ(grouped_arguments.groups, 4);
  EXPECT_EQ(grouped_tensors[kMapOfA].rows, 42u);
  EXPECT_EQ(grouped_tensors[kMapOfB].rows, 4u * 2112);
  EXPECT_EQ(grouped_tensors[kMapOfScales].rows, 56u * 44 / 32);
  EXPECT_EQ(grouped_tensors[kMapOfScales].columns, 32u);
  EXPECT_EQ(grouped_tensors[kMapOfD].rows, 42u);
}

}  // namespace
}  // namespace deepgemm::db
