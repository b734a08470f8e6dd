#include "core/row_check.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace deepgemm::core {
namespace {

GemmProblem contiguous(int groups, int alignment) {
  return {.operation = Operation::kGroupedContiguous,
          .m = 8,
          .n = 8,
          .k = 16,
          .groups = groups,
          .alignment = alignment};
}

std::string complaint(const GemmProblem& problem, const std::vector<int>& rows,
                      std::int64_t extent = 8) {
  return why_bad_rows(problem, extent, rows).value_or("");
}

TEST(RowCheck, AcceptsEmptyGroupsGapsAndAnyOrder) {
  EXPECT_EQ(complaint(contiguous(4, 4), {2, 2, -1, -1, 0, 0, 0, 0, -1, -1, -1, -1}), "");
  EXPECT_EQ(complaint(contiguous(4, 4), {-1, -1, -1, -1}), "");
  EXPECT_EQ(complaint(contiguous(1, 4), {0, -1, 0, 0}), "") << "computed, as documented";
  EXPECT_EQ(complaint(contiguous(2, 4), {-7, -7, -7, -7, 1}), "");
}

TEST(RowCheck, NamesAGroupThatDoesNotExist) {
  EXPECT_EQ(complaint(contiguous(2, 4), {0, 0, 0, 0, 2}),
            "row 4 belongs to group 2, and there are 2");
}

TEST(RowCheck, AnyNegativeNumberIsPadding) {
  const int least = std::numeric_limits<int>::min();
  EXPECT_EQ(complaint(contiguous(2, 4), {-2, least, -1, -2147483647, 1, 1, -5, least}), "");
  EXPECT_EQ(complaint(contiguous(2, 4), {std::numeric_limits<int>::max()}),
            "row 0 belongs to group 2147483647, and there are 2");
}

TEST(RowCheck, PaddingWithinASegmentIsItsGroups) {
  EXPECT_EQ(complaint(contiguous(3, 4), {2, -1, -1, -1, -1, -1, 2, 2, 0}), "");
  EXPECT_EQ(complaint(contiguous(3, 4), {2, -1, -1, 2, 0, 0, -1, -1, 2}),
            "row 8 belongs to group 2, whose other rows lie before those of group 0")
      << "unless another group lies there";
  EXPECT_EQ(complaint(contiguous(3, 4), {2, -1, 3, 2}),
            "row 2 belongs to group 3, and there are 3");
}

TEST(RowCheck, NamesASegmentThatIsNotAligned) {
  EXPECT_EQ(complaint(contiguous(2, 4), {0, 0, 1, 1}),
            "group 1 starts at row 2, which is no multiple of the alignment 4");
  EXPECT_EQ(complaint(contiguous(2, 8), {0, 0, 0, 0, 1, 1}),
            "group 1 starts at row 4, which is no multiple of the alignment 8");
  EXPECT_EQ(complaint(contiguous(2, 4), {-1, 0, 0, 0}),
            "group 0 starts at row 1, which is no multiple of the alignment 4");
}

TEST(RowCheck, NamesRowsThatLieApart) {
  EXPECT_EQ(complaint(contiguous(2, 4), {0, 0, 0, 0, 1, 1, 1, 1, 0}),
            "row 8 belongs to group 0, whose other rows lie before those of group 1");
}

TEST(RowCheck, MaskedCountsLieBetweenNoneAndAll) {
  const GemmProblem masked{
      .operation = Operation::kGroupedMasked, .m = 8, .n = 8, .k = 16, .groups = 2};
  EXPECT_EQ(complaint(masked, {0, 8}), "");
  EXPECT_EQ(complaint(masked, {9, 0}), "group 0 has 9 rows, which is not from 0 to row_extent = 8");
  EXPECT_EQ(complaint(masked, {0, -1}),
            "group 1 has -1 rows, which is not from 0 to row_extent = 8");
}

}  // namespace
}  // namespace deepgemm::core
