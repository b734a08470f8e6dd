#include "app/shape_parser.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <set>

#include "app/presets.h"
#include "app/shape_file.h"
#include "app/value_list.h"
#include "tests/app/complaint.h"

namespace deepgemm::app {
namespace {

using core::Operation;

std::string complaint_about(const std::string& shape) {
  return complaint([&] { parse_shape(shape, Operation::kDense); });
}

TEST(ValueList, ReadsValuesListsAndRanges) {
  EXPECT_EQ(parse_value_list("64", "m"), Values({64}));
  EXPECT_EQ(parse_value_list("1,64,128", "m"), Values({1, 64, 128}));
  EXPECT_EQ(parse_value_list("64:512:*2", "m"), Values({64, 128, 256, 512}));
  EXPECT_EQ(parse_value_list("64:200:+64", "m"), Values({64, 128, 192}));
  EXPECT_EQ(parse_value_list("8,64:256:*2,8,64", "m"), Values({8, 64, 128, 256}));
  EXPECT_EQ(parse_value_list("5:5:+1", "m"), Values({5}));
}

TEST(ValueList, RangeUpToTheLargestNumberEnds) {
  const auto values = parse_value_list("4611686018427387904:9223372036854775807:*2", "m");
  EXPECT_EQ(values.size(), 1U);
}

TEST(ValueList, RefusesWhatIsNoList) {
  for (const char* text : {"", ",", "1,", "a", "1.5", "0x10", " 1", "1 ", "64:", "64:128", "1:2:3",
                           "1:2:*", "1:2:-1", "1:8:*2:3", "--1", "+1"}) {
    EXPECT_NE(complaint([&] { parse_value_list(text, "m"); }), "no error") << text;
  }
}

TEST(ValueList, RefusesRangesThatGoNowhere) {
  EXPECT_EQ(complaint([] { parse_value_list("8:4:*2", "m"); }),
            "The range '8:4:*2' in m ends before it starts.");
  for (const char* text : {"1:8:*1", "1:8:*0", "0:8:*2", "1:8:+0", "1:8:*-2", "1:8:+-1"}) {
    EXPECT_NE(complaint([&] { parse_value_list(text, "m"); }).find("never reaches its end"),
              std::string::npos)
        << text;
  }
}

TEST(ValueList, RefusesAbsurdLengthsAtOnce) {
  EXPECT_EQ(parse_value_list("1:10000:+1", "m").size(), kMaxValues);
  EXPECT_EQ(complaint([] { parse_value_list("1:9223372036854775807:+1", "m"); }),
            "m has more than 10000 values.");
}

TEST(Shape, ExpandsWithMFastest) {
  EXPECT_EQ(names(parse_shape("1,64x8,16x16", Operation::kDense)),
            Strings({"1x8x16", "64x8x16", "1x16x16", "64x16x16"}));
}

TEST(Shape, SaysWhichRuleIsBroken) {
  EXPECT_EQ(complaint_about("0x1x1"), "Shape '0x1x1': m = 0 must be at least 1.");
  EXPECT_EQ(complaint_about("-1x8x16"), "Shape '-1x8x16': m = -1 must be at least 1.");
  EXPECT_EQ(complaint_about("64x2113x7168"),
            "Shape '64x2113x7168': n = 2113 must be a multiple of 8.");
  EXPECT_EQ(complaint_about("64x2112x17"), "Shape '64x2112x17': k = 17 must be a multiple of 16.");
  EXPECT_NE(complaint_about("4294967296x8x16").find("m = 4294967296 is larger than"),
            std::string::npos);
  EXPECT_NE(complaint_about("1x8x4294967296").find("k = 4294967296 is larger than"),
            std::string::npos);
}

TEST(Shape, RefusesNumbersBeyond64Bits) {
  EXPECT_EQ(complaint_about("99999999999999999999x8x16"),
            "'99999999999999999999' in m of shape '99999999999999999999x8x16' does not fit into "
            "64 bits.");
}

TEST(Shape, RefusesWhatIsNoShape) {
  for (const char* text : {"", "x", "64", "64x8", "64x8x16x1", "64X8X16", "64*8*16"}) {
    EXPECT_NE(complaint_about(text).find("is not a shape"), std::string::npos) << text;
  }
  EXPECT_EQ(complaint_about("64xfoox16"), "'foo' in n of shape '64xfoox16' is not a number.");
}

TEST(Shape, RefusesAbsurdProductsOfLists) {
  const std::string many = "1:10000:+1";
  const std::string shape = many + "x8:80000:+8x16:160000:+16";
  EXPECT_NE(complaint_about(shape).find("stands for more than 10000 shapes"), std::string::npos);
}

TEST(Collect, KeepsEachShapeOnce) {
  ShapeArguments arguments;
  arguments.shapes = {"64x8x16", "1,64x8x16"};
  EXPECT_EQ(names(collect_problems(arguments)), Strings({"64x8x16", "1x8x16"}));
}

TEST(Collect, NeedsAShapeAndAKnownOperation) {
  EXPECT_EQ(complaint([] { collect_problems({}); }), "No shape was given.");
  EXPECT_EQ(complaint([] { parse_operation("sparse", ""); }),
            "Unknown operation 'sparse'; this version has: dense, grouped-contiguous, "
            "grouped-masked.");
}

ShapeArguments grouped(const std::string& operation, const std::string& groups) {
  ShapeArguments arguments;
  arguments.operation = operation;
  arguments.groups = groups;
  arguments.shapes = {"64x4096x7168"};
  return arguments;
}

TEST(Collect, MakesAProblemOfEachGroupsAndAlignment) {
  EXPECT_EQ(names(collect_problems(grouped("grouped-masked", "1,32"))),
            Strings({"1 group of 64x4096x7168, masked", "32 groups of 64x4096x7168, masked"}));
  ShapeArguments tight = grouped("grouped-contiguous", "16");
  EXPECT_EQ(names(collect_problems(tight)),
            Strings({"16 groups of 64x4096x7168, contiguous by 128"}));
  tight.alignments = "4,16";
  EXPECT_EQ(names(collect_problems(tight)),
            Strings({"16 groups of 64x4096x7168, contiguous by 4",
                     "16 groups of 64x4096x7168, contiguous by 16"}));
}

TEST(Collect, RefusesWhatAnOperationDoesNotHave) {
  const auto complaint_with = [](ShapeArguments arguments, auto change) {
    change(arguments);
    return complaint([&] { collect_shapes(arguments); });
  };
  EXPECT_EQ(complaint_with(grouped("dense", "4"), [](auto&) {}),
            "A dense product has no --groups and no --alignment.");
  EXPECT_EQ(complaint_with(grouped("grouped-masked", "4"), [](auto& a) { a.alignments = "8"; }),
            "--alignment is for --op grouped-contiguous only.");
  EXPECT_EQ(complaint_with(grouped("grouped-contiguous", "4"), [](auto& a) { a.max_m = 8; }),
            "--max-m is for --op grouped-masked only.");
  EXPECT_EQ(complaint_with(grouped("grouped-masked", "4"), [](auto& a) { a.skew = "odd"; }),
            "Unknown skew 'odd'.");
  EXPECT_NE(complaint_with(grouped("dense", ""), [](auto& a) { a.skew = "zipf"; })
                .find("A dense product has no groups"),
            std::string::npos);
  EXPECT_EQ(complaint_with(grouped("grouped-masked", ""), [](auto&) {}),
            "It is not said how many groups a grouped-masked product has.");
  EXPECT_NE(complaint_with(grouped("grouped-masked", "600"), [](auto&) {}).find("groups = 600"),
            std::string::npos);
  EXPECT_NE(complaint_with(grouped("grouped-masked", "2"),
                           [](auto& a) {
                             a.group_sizes = "9,8";
                             a.max_m = 8;
                           })
                .find("a group of 9 rows is larger than max_m = 8"),
            std::string::npos);
  EXPECT_EQ(
      complaint_with(grouped("grouped-masked", "2,3"), [](auto& a) { a.group_sizes = "9,8"; }),
      "--group-sizes is for one shape, and there are 2.");
}

TEST(Collect, GivenSizesSayHowManyGroupsThereAre) {
  ShapeArguments arguments = grouped("grouped-masked", "");
  arguments.group_sizes = "24,24,0";
  const Shapes shapes = collect_shapes(arguments);
  EXPECT_EQ(shapes.problems.at(0).groups, 3);
  EXPECT_EQ(shapes.draws.of(shapes.problems.at(0)).rows, Values({24, 24, 0}));
}

TEST(Preset, OfAGroupedOperationHasTheExpertsAlone) {
  ShapeArguments preset;
  preset.preset = "deepseek-v3";
  preset.operation = "grouped-masked";
  preset.groups = "32";
  const auto problems = collect_problems(preset);
  EXPECT_EQ(problems.size(), 10U);
  EXPECT_EQ(core::to_string(problems.front()), "32 groups of 16x4096x7168, masked");
  preset.preset = "llama-3-8b";
  EXPECT_EQ(complaint([&] { collect_problems(preset); }),
            "Preset 'llama-3-8b' has no experts that could be grouped.");
}

// What is reported for shapes that nobody listed must not be of the listed kind.
TEST(OtherShapes, AreManyAndNeitherPowersOfTwoNorOfDeepSeek) {
  const auto others =
      read_shape_file(DEEPGEMM_SOURCE_DIR "/tests/data/other_dense.csv", Operation::kDense);
  EXPECT_GE(others.size(), 40U);
  std::set<std::pair<std::int64_t, std::int64_t>> known;
  for (const auto& each : read_shape_file(DEEPGEMM_SOURCE_DIR "/tests/data/deepseek_v3_dense.csv",
                                          Operation::kDense)) {
    known.emplace(each.n, each.k);
  }
  for (const auto& each : others) {
    EXPECT_TRUE(each.m > 2 && each.m <= 8192) << each.m;
    EXPECT_FALSE(std::has_single_bit(static_cast<std::uint64_t>(each.m))) << each.m;
    EXPECT_FALSE(known.contains({each.n, each.k})) << core::to_string(each);
  }
}

TEST(Preset, HoldsTheListInTheTestDataAndTheDenseLayers) {
  ShapeArguments preset;
  preset.preset = "deepseek-v3";
  auto from_preset = names(collect_problems(preset));
  auto from_file = names(
      read_shape_file(DEEPGEMM_SOURCE_DIR "/tests/data/deepseek_v3_dense.csv", Operation::kDense));
  std::ranges::sort(from_preset);
  std::ranges::sort(from_file);
  EXPECT_EQ(from_file.size(), 49U);
  EXPECT_EQ(from_preset.size(), 63U);
  EXPECT_TRUE(std::ranges::includes(from_preset, from_file));
  EXPECT_NE(complaint([] { find_preset("gpt"); }).find("deepseek-v3"), std::string::npos);
}

}  // namespace
}  // namespace deepgemm::app
