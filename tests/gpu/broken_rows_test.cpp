// Rows of grouped products that break the rules of deepgemm.h: refused where they are checked, and
// where they are not, computed as that file says, with nothing written beside D. A group that
// starts at no multiple of 4 is left to the checks: it may fault, which would end all other tests.
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <utility>
#include <vector>

#include "core/graph.h"
#include "core/include/deepgemm/deepgemm.hpp"
#include "tests/gpu/grouped_fixture.h"

namespace deepgemm::gpu_test {
namespace {

using core::Operation;

constexpr int kRows = 640;
constexpr int kGroups = 3;
constexpr unsigned short kPoison = 0xffff;

// (group, how many rows of it), padded to kRows.
using Segments = std::vector<std::pair<int, int>>;
std::vector<std::int32_t> map_of(const Segments& segments) {
  std::vector<std::int32_t> map;
  for (const auto& [group, rows] : segments) {
    map.insert(map.end(), static_cast<std::size_t>(rows), group);
  }
  map.resize(kRows, -1);
  return map;
}

class BrokenRowsTest : public GroupedTest {
 protected:
  using Result = std::vector<unsigned short>;

  void SetUp() override {
    GroupedTest::SetUp();
    if (IsSkipped()) return;
    // Room for all rows; which are used is said by each launch.
    operands_.emplace(problem_, core::GroupDraw{.rows = {kRows, 0, 0}}, device_->tools,
                      device_->stream);
  }

  // D after a launch with this map; what was not written is poison.
  Result run(const core::GemmKernel& kernel, const Segments& segments) {
    const std::vector<std::int32_t> map = map_of(segments);
    core::DeviceBuffer rows(map.size() * sizeof(std::int32_t));
    core::copy_to_device(rows.data(), map.data(), rows.bytes());
    autotune::GuardedResult d(2 * kRows * kN);
    d.arm(device_->stream);
    core::GemmOperands operands = operands_->writing_to(d.data());
    operands.rows = rows.as<int>();
    operands.row_extent = kRows;
    EXPECT_EQ(kernel.launch(problem_, operands, device_->stream.get()), 0);
    EXPECT_EQ(device_->stream.try_synchronize(), 0);
    EXPECT_EQ(d.guards_touched(device_->tools), 0u);
    Result result(kRows * kN);
    core::copy_to_host(result.data(), d.data(), 2 * result.size());
    return result;
  }

  // Elements of rows before `first` and from `end` on that differ.
  static int differing_beside(const Result& a, const Result& b, int first, int end) {
    int count = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      const int row = static_cast<int>(static_cast<std::int64_t>(i) / kN);
      if (row < first || row >= end) count += a[i] != b[i];
    }
    return count;
  }
  static int differing(const Result& a, const Result& b) { return differing_beside(a, b, 0, 0); }

  template <typename Body>
  void for_each_kernel(const Body& body) {
    for (const char* config : kConfigs) {
      SCOPED_TRACE(config);
      body(core::GemmKernel(build(std::string(config) + ",operation=2")));
    }
  }

  static constexpr const char* kConfigs[] = {
      "block_m=64,block_n=128,stages=6,math_warpgroups=1",
      "block_m=128,block_n=96,stages=4,cluster_m=2",
      "block_m=256,block_n=128,stages=3,cluster_n=2",
      "block_m=128,block_n=64,stages=4,split_k=2",
  };
  const core::GemmProblem problem_ = grouped(Operation::kGroupedContiguous, kGroups, 200);
  std::optional<autotune::Operands> operands_;
};

TEST_F(BrokenRowsTest, RowsOfAGroupThatDoesNotExistArePadding) {
  for_each_kernel([&](const core::GemmKernel& kernel) {
    const Result clean = run(kernel, {{0, 100}, {-1, 92}, {2, 70}, {-1, 2}, {1, 33}});
    for (const int other : {kGroups, 511, 2'147'483'647}) {
      EXPECT_EQ(differing(run(kernel,
                              {{0, 100}, {other, 92}, {2, 70}, {other, 2}, {1, 33}, {other, 100}}),
                          clean),
                0)
          << other;
    }
  });
}

TEST_F(BrokenRowsTest, AnyNegativeNumberIsPadding) {
  for_each_kernel([&](const core::GemmKernel& kernel) {
    const Result clean = run(kernel, {{-1, 64}, {1, 65}, {-1, 63}, {0, 5}});
    for (const int other : {-2, -512, -2'147'483'647 - 1}) {
      EXPECT_EQ(
          differing(run(kernel, {{other, 64}, {1, 65}, {other, 63}, {0, 5}, {other, 9}}), clean), 0)
          << other;
    }
  });
}

TEST_F(BrokenRowsTest, PaddingWithinASegmentIsComputedAsItsGroups) {
  for_each_kernel([&](const core::GemmKernel& kernel) {
    const Result whole = run(kernel, {{1, 400}, {-1, 16}, {0, 48}});
    EXPECT_EQ(differing(run(kernel,
                            {{1, 3}, {-1, 300}, {kGroups, 1}, {-5, 95}, {1, 1}, {-1, 16}, {0, 48}}),
                        whole),
              0);
  });
}

TEST_F(BrokenRowsTest, AMultipleOfFourThatIsNoneOfTheAlignmentIsRight) {
  for_each_kernel([&](const core::GemmKernel& kernel) {
    const Result apart = run(kernel, {{2, 4}, {-1, 60}, {0, 200}});
    const Result whole = run(kernel, {{-1, 4}, {2, 60}});
    const Result close = run(kernel, {{-1, 4}, {2, 60}, {0, 200}});
    EXPECT_EQ(differing_beside(close, whole, 64, kRows), 0);
    EXPECT_EQ(differing_beside(close, apart, 0, 64), 0);
  });
}

TEST_F(BrokenRowsTest, RowsThatLieApartSpoilNothingBesideTheirEnds) {
  for_each_kernel([&](const core::GemmKernel& kernel) {
    const Result without = run(kernel, {{-1, 448}, {0, 100}});
    const Result found =
        run(kernel, {{-1, 16}, {2, 40}, {1, 100}, {2, 120}, {1, 60}, {-1, 112}, {0, 100}});
    EXPECT_EQ(differing_beside(found, without, 16, 336), 0);
    // As many tiles as there can be.
    Segments mixed;
    for (int row = 0; row < kRows; row += 4) mixed.emplace_back(row / 4 % kGroups, 4);
    run(kernel, mixed);
  });
}

TEST_F(BrokenRowsTest, CountsOutOfRangeAreCutToTheRoomThereIs) {
  core::GemmProblem masked = grouped(Operation::kGroupedMasked, kGroups, 100);
  constexpr std::int64_t kMaxM = 150;
  const autotune::Operands operands(masked, {.max_m = kMaxM, .rows = {kMaxM, 0, 0}}, device_->tools,
                                    device_->stream);
  const core::GemmKernel kernel(default_cubin(masked));
  const auto with = [&](const std::vector<std::int32_t>& counts) {
    core::DeviceBuffer rows(counts.size() * sizeof(std::int32_t));
    core::copy_to_device(rows.data(), counts.data(), rows.bytes());
    autotune::GuardedResult d(2 * kGroups * kMaxM * kN);
    d.arm(device_->stream);
    core::GemmOperands launched = operands.writing_to(d.data());
    launched.rows = rows.as<int>();
    EXPECT_EQ(kernel.launch(masked, launched, device_->stream.get()), 0);
    EXPECT_EQ(device_->stream.try_synchronize(), 0);
    EXPECT_EQ(d.guards_touched(device_->tools), 0u);
    Result result(kGroups * kMaxM * kN);
    core::copy_to_host(result.data(), d.data(), 2 * result.size());
    return result;
  };
  const Result clean = with({kMaxM, 0, 7});
  EXPECT_EQ(differing(with({kMaxM + 1, -1, 7}), clean), 0);
  EXPECT_EQ(differing(with({2'147'483'647, -2'147'483'647 - 1, 7}), clean), 0);
}

// The same through the C ABI, where DEEPGEMM_CHECK is set.
TEST_F(BrokenRowsTest, ACheckedRuntimeRefusesThemAndRunsWhatIsRight) {
  const core::Cubin cubin = default_cubin(problem_);
  const std::string path = bundle_of(problem_, cubin, "deepgemm-broken-rows.dgdb");
  setenv("DEEPGEMM_CHECK", "1", 1);
  deepgemm::Runtime runtime(path);
  unsetenv("DEEPGEMM_CHECK");
  const deepgemm_problem asked{200, kN, kK, DEEPGEMM_GROUPED_CONTIGUOUS, kGroups, 16};
  ASSERT_TRUE(runtime.prepare({asked}));
  core::DeviceBuffer rows(kRows * sizeof(std::int32_t));
  autotune::GuardedResult d(2 * kRows * kN);
  const core::GemmOperands o = operands_->writing_to(d.data());
  const deepgemm_operands pointers{o.a,  o.b, o.scale_a, o.scale_b, o.d, rows.as<std::int32_t>(),
                                   kRows};
  const auto call = [&](const Segments& segments) {
    const std::vector<std::int32_t> map = map_of(segments);
    core::copy_to_device(rows.data(), map.data(), rows.bytes());
    d.arm(device_->stream);
    return runtime.gemm(asked, pointers, device_->stream.get());
  };
  const auto contents = [&] {
    device_->stream.synchronize();
    Result result(kRows * kN);
    core::copy_to_host(result.data(), d.data(), 2 * result.size());
    return result;
  };

  const Segments right = {{2, 20}, {-1, 12}, {0, 300}, {-1, 4}, {1, 16}};
  EXPECT_TRUE(call(right));
  EXPECT_EQ(differing(contents(), run(core::GemmKernel(cubin), right)), 0);
  EXPECT_EQ(d.guards_touched(device_->tools), 0u);
  const std::pair<Segments, const char*> wrong[] = {
      {{{0, 16}, {kGroups, 1}}, "row 16 belongs to group 3, and there are 3"},
      {{{-1, 4}, {0, 16}}, "group 0 starts at row 4, which is no multiple of the alignment 16"},
      {{{0, 16}, {1, 16}, {0, 16}}, "row 32 belongs to group 0, whose other rows lie before"},
  };
  for (const auto& [segments, said] : wrong) {
    EXPECT_THROW((void)call(segments), std::runtime_error) << said;
    EXPECT_NE(std::string(deepgemm_last_error()).find(said), std::string::npos)
        << deepgemm_last_error();
    for (const unsigned short each : contents()) {
      ASSERT_EQ(each, kPoison) << "what is refused is not run";
    }
  }
  deepgemm_operands no_room = pointers;
  no_room.row_extent = 0;
  EXPECT_THROW((void)runtime.gemm(asked, no_room, device_->stream.get()), std::runtime_error);
  // While a stream is captured there is nothing to read: the call is legal, and not checked.
  const std::vector<std::int32_t> map = map_of(right);
  core::copy_to_device(rows.data(), map.data(), rows.bytes());
  const core::Graph graph(
      device_->stream, [&] { EXPECT_TRUE(runtime.gemm(asked, pointers, device_->stream.get())); });
  d.arm(device_->stream);
  graph.launch(device_->stream);
  EXPECT_EQ(differing(contents(), run(core::GemmKernel(cubin), right)), 0);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace deepgemm::gpu_test
