// Grouped products as a server launches them, and the check of their rows.
#include "tests/db/scripted_driver/serving_fixture.h"

namespace deepgemm::db {
namespace {

// What the last grouped launch was told.
kernels::GemmArguments grouped_arguments;
Tensor grouped_tensors[4];
void keep_launch(const Launch& launch) {
  std::memcpy(&grouped_arguments, launch.parameters[4], sizeof grouped_arguments);
  for (int i = 0; i < 4; ++i)
    std::memcpy(&grouped_tensors[i], launch.parameters[i], sizeof(Tensor));
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
    contents.winners.push_back(std::move(row));
    contents.fallbacks.push_back({core::Operation::kGroupedMasked, key_of(64), environment_of()});
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

  std::string grouped_path_ = (folder_ / "g.dgdb").string();
  const deepgemm_problem problem_{50, 2112, 7168, DEEPGEMM_GROUPED_MASKED, 4};
};

TEST_F(ServingGroups, ALaunchCarriesRoomRowsAndGroups) {
  deepgemm::Runtime runtime(grouped_path_);
  const std::int32_t rows[4] = {3, 0, 200, -1};
  EXPECT_EQ(runtime.find(problem_).match, DEEPGEMM_MATCH_BUCKET);
  ASSERT_TRUE(runtime.prepare({problem_}));
  ASSERT_TRUE(runtime.gemm(problem_, operands(rows, 150)));
  EXPECT_EQ(grouped_arguments.rows, rows);
  EXPECT_EQ(grouped_arguments.m, 150);
  EXPECT_EQ(grouped_arguments.groups, 4);
  EXPECT_EQ(grouped_tensors[0].rows, 4u * 150);
  EXPECT_EQ(grouped_tensors[1].rows, 4u * 2112);
  EXPECT_EQ(grouped_tensors[2].rows, 4u * 56);
  EXPECT_EQ(grouped_tensors[2].columns, 150u);
  EXPECT_EQ(grouped_tensors[3].rows, 4u * 150);
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

TEST_F(ServingGroups, ACheckedRuntimeChecksEveryCall) {
  setenv("DEEPGEMM_CHECK", "1", 1);
  deepgemm::Runtime runtime(grouped_path_);
  unsetenv("DEEPGEMM_CHECK");
  const std::int32_t bad[4] = {3, 0, -1, 1};
  EXPECT_THROW((void)runtime.gemm(problem_, operands(bad, 150)), std::runtime_error);
  EXPECT_NE(std::strstr(deepgemm_last_error(), "group 2 has -1 rows"), nullptr);
}

}  // namespace
}  // namespace deepgemm::db
