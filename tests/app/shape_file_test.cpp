#include "app/shape_file.h"

#include <gtest/gtest.h>

#include <sstream>

#include "tests/app/complaint.h"

namespace deepgemm::app {
namespace {

using core::Operation;

TEST(ShapeFile, ReadsColumnsInAnyOrder) {
  std::istringstream text(
      "\xEF\xBB\xBFk, groups,n,op,m,time\r\n"
      "# a remark\n"
      "\n"
      "7168,1,2112,dense,64,8.1\r\n"
      "512, 1 ,32768,dense,1,9\n");
  EXPECT_EQ(names(read_shapes(text, "f", Operation::kDense)),
            Strings({"64x2112x7168", "1x32768x512"}));
}

std::string complaint_about_file(const std::string& content) {
  return complaint([&] {
    std::istringstream text(content);
    read_shapes(text, "shapes.csv", Operation::kDense);
  });
}

TEST(ShapeFile, NamesLineAndColumn) {
  EXPECT_EQ(complaint_about_file("m,n\n1,8\n"), "line 1 of shapes.csv has no column 'k'.");
  EXPECT_EQ(complaint_about_file("m,n,k,m\n"), "line 1 of shapes.csv names column 'm' twice.");
  EXPECT_EQ(complaint_about_file("m,n,k\n1,8,16\n1,eight,16\n"),
            "'eight' in column 'n' of line 3 of shapes.csv is not a number.");
  EXPECT_EQ(complaint_about_file("m,n,k\n1,8\n"),
            "line 2 of shapes.csv has 2 cells, the header 3.");
  EXPECT_EQ(complaint_about_file("m,n,k\n1,9,16\n"),
            "line 2 of shapes.csv: n = 9 must be a multiple of 8.");
  EXPECT_NE(complaint_about_file("op,m,n,k\nsparse,1,8,16\n").find("column 'op' of line 2"),
            std::string::npos);
  EXPECT_NE(complaint_about_file("groups,m,n,k\n-4294967295,1,8,16\n").find("groups"),
            std::string::npos);
}

TEST(ShapeFile, RefusesAGroupedLineThatDoesNotSayHowManyGroups) {
  const std::string said =
      "line 3 of shapes.csv does not say how many groups its grouped-masked product has.";
  EXPECT_EQ(complaint_about_file("op,m,n,k\ndense,1,8,16\ngrouped-masked,1,8,16\n"), said);
  EXPECT_EQ(complaint_about_file("op,groups,m,n,k\ndense,,1,8,16\ngrouped-masked,,1,8,16\n"), said);
  EXPECT_EQ(complaint([] {
              std::istringstream text("m,n,k\n1,8,16\n");
              read_shapes(text, "shapes.csv", Operation::kGroupedContiguous);
            }),
            "line 2 of shapes.csv does not say how many groups its grouped-contiguous product "
            "has.");
}

TEST(ShapeFile, GroupedLinesTakeTheGroupsOfTheCommandLineAndDenseOnesDoNot) {
  ShapeArguments arguments;
  arguments.groups = "1,8";
  arguments.shapes_file = "shapes.csv";
  std::istringstream text(
      "op,m,n,k\n"
      "dense,64,4096,7168\n"
      "grouped-masked,24,4096,7168\n");
  EXPECT_EQ(names(read_shapes(text, "f", parse_operation(arguments))),
            Strings({"64x4096x7168", "1 group of 24x4096x7168, masked",
                     "8 groups of 24x4096x7168, masked"}));
}

TEST(ShapeFile, RefusesFilesWithoutShapes) {
  EXPECT_EQ(complaint_about_file(""), "shapes.csv holds no shape.");
  EXPECT_EQ(complaint_about_file("m,n,k\n"), "shapes.csv holds no shape.");
  EXPECT_NE(complaint_about_file(std::string("\0\1\2", 3)).find("has no column"),
            std::string::npos);
  EXPECT_NE(
      complaint([] { read_shape_file("no/such/file.csv", Operation::kDense); }).find("Cannot read"),
      std::string::npos);
  EXPECT_NE(complaint([] { read_shape_file(".", Operation::kDense); }).find("Cannot read"),
            std::string::npos);
}

TEST(ShapeFile, ReadsGroupedRowsAndTheirSizes) {
  std::istringstream text(
      "op,groups,alignment,max_m,m,n,k,group_sizes\n"
      "grouped-masked,2,,32,24,4096,7168,24 20\n"
      "grouped-contiguous,2,16,,512,4096,7168,\n"
      "dense,,,,64,4096,7168,\n");
  core::GroupDraws draws;
  const auto problems = read_shapes(text, "f", Operation::kDense, &draws);
  EXPECT_EQ(names(problems),
            Strings({"2 groups of 24x4096x7168, masked",
                     "2 groups of 512x4096x7168, contiguous by 16", "64x4096x7168"}));
  EXPECT_EQ(draws.of(problems[0]), (core::GroupDraw{.max_m = 32, .rows = {24, 20}}));
  EXPECT_EQ(draws.of(problems[1]), core::GroupDraw{});
}

TEST(ShapeFile, ADenseLineMayHaveNoGroups) {
  std::istringstream text(
      "op,groups,alignment,m,n,k\n"
      "dense,0,0,64,4096,7168\n"
      "dense,1,1,65,4096,7168\n"
      "dense,,,66,4096,7168\n"
      ",0,,67,4096,7168\n");
  const auto problems = read_shapes(text, "f", Operation::kDense);
  EXPECT_EQ(names(problems),
            Strings({"64x4096x7168", "65x4096x7168", "66x4096x7168", "67x4096x7168"}));
  for (const auto& each : problems) EXPECT_EQ(each.groups * each.alignment, 1);
  EXPECT_NE(complaint_about_file("op,groups,m,n,k\ngrouped-masked,0,1,8,16\n").find("groups"),
            std::string::npos);
  EXPECT_NE(complaint_about_file("op,groups,m,n,k\ndense,2,1,8,16\n").find("groups"),
            std::string::npos);
}

TEST(ShapeFile, RowsWithoutAnAlignmentTakeTheCommandLines) {
  OperationChoice choice = Operation::kDense;
  choice.alignments = {16, 32};
  std::istringstream text(
      "op,groups,m,n,k\n"
      "grouped-contiguous,8,512,4096,7168\n"
      "grouped-masked,8,24,4096,7168\n");
  EXPECT_EQ(
      names(read_shapes(text, "f", choice, nullptr)),
      Strings({"8 groups of 512x4096x7168, contiguous by 16",
               "8 groups of 512x4096x7168, contiguous by 32", "8 groups of 24x4096x7168, masked"}));
}

TEST(ShapeFile, RefusesTwoDrawsOfOneProblem) {
  const std::string said = complaint([&] {
    std::istringstream text(
        "op,groups,m,n,k,group_sizes\n"
        "grouped-masked,2,24,4096,7168,24 20\n"
        "grouped-masked,2,24,4096,7168,20 24\n");
    core::GroupDraws draws;
    read_shapes(text, "shapes.csv", Operation::kDense, &draws);
  });
  EXPECT_NE(said.find("line 3 of shapes.csv gives"), std::string::npos) << said;
}

}  // namespace
}  // namespace deepgemm::app
