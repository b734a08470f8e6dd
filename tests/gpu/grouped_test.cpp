// Grouped kernels against the dense kernel of the same config, group by group: equal to the bit,
// and not a byte written beside the groups' rows.
#include <algorithm>
#include <cstdint>
#include <future>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "autotune/operands.h"
#include "core/compile_pool.h"
#include "tests/gpu/gpu_fixture.h"

namespace deepgemm::gpu_test {
namespace {

using core::Operation;

// Ragged on purpose: n leaves a partial tile and ends within a scale block, k a partial k-block.
constexpr std::int64_t kN = 328;
constexpr std::int64_t kK = 1296;

// Where the rows of the groups lie. A group without rows has count 0.
struct RowLayout {
  Operation operation;
  std::int64_t extent;     // GemmOperands::row_extent
  std::vector<int> rows;   // GemmOperands::rows
  std::vector<int> first;  // row of A and D, per group
  std::vector<int> count;  // rows, per group

  int groups() const { return static_cast<int>(count.size()); }
  std::int64_t all_rows() const {
    return operation == Operation::kGroupedMasked ? groups() * extent : extent;
  }
};

struct Segment {
  int group;  // -1: padding
  int rows;
};

RowLayout contiguous(int groups, const std::vector<Segment>& segments) {
  RowLayout layout{
      Operation::kGroupedContiguous, 0, {}, std::vector<int>(groups), std::vector<int>(groups)};
  for (const Segment& each : segments) {
    if (each.group >= 0) {
      layout.first[each.group] = static_cast<int>(layout.rows.size());
      layout.count[each.group] = each.rows;
    }
    layout.rows.insert(layout.rows.end(), each.rows, each.group);
  }
  layout.extent = static_cast<std::int64_t>(layout.rows.size());
  return layout;
}

RowLayout masked(int extent, const std::vector<int>& counts) {
  RowLayout layout{Operation::kGroupedMasked, extent, counts, {}, counts};
  for (int g = 0; g < layout.groups(); ++g) layout.first.push_back(g * extent);
  return layout;
}

class GroupedKernelTest : public GpuTest {
 protected:
  struct Device {
    core::Stream stream;
    autotune::DeviceTools tools{stream};
  };

  void SetUp() override {
    GpuTest::SetUp();
    if (!IsSkipped()) device_.emplace();
  }

  // Operands of as many groups and rows as `layout` has, random and the same each time.
  class Operands {
   public:
    Operands(Device& device, const RowLayout& layout)
        : scale_stride_((layout.extent + 3) / 4 * 4),
          a_(layout.all_rows() * kK),
          b_(layout.groups() * kN * kK),
          scale_a_(4 * scale_count(layout)),
          scale_b_(4 * layout.groups() * kScaleRows * kKBlocks),
          rows_(4 * layout.rows.size()) {
      device.tools.fill_e4m3(a_.data(), a_.bytes(), 1);
      device.tools.fill_e4m3(b_.data(), b_.bytes(), 2);
      device.tools.fill_scales(scale_a_.as<float>(), scale_a_.bytes() / 4, 3);
      device.tools.fill_scales(scale_b_.as<float>(), scale_b_.bytes() / 4, 4);
      set_rows(device, layout);
    }

    void set_rows(Device& device, const RowLayout& layout) {
      device.stream.synchronize();
      core::copy_to_device(rows_.data(), layout.rows.data(), rows_.bytes());
    }

    core::GemmOperands of_all(const RowLayout& layout, void* d) const {
      core::GemmOperands operands{a_.data(), b_.data(), scale_a_.as<float>(), scale_b_.as<float>(),
                                  d};
      operands.rows = rows_.as<int>();
      operands.row_extent = layout.extent;
      return operands;
    }

    // One group's product as a dense one; `scales` keeps its scales of A.
    core::GemmOperands of_group(const RowLayout& layout, int group, void* d,
                                core::DeviceBuffer& scales) const {
      const bool is_masked = layout.operation == Operation::kGroupedMasked;
      const std::int64_t first = layout.first[group];
      const std::int64_t stride = (layout.count[group] + 3) / 4 * 4;
      scales = core::DeviceBuffer(4 * stride * kKBlocks);
      const float* const from =
          scale_a_.as<float>() + (is_masked ? group * kKBlocks * scale_stride_ : first);
      core::copy_rows(scales.data(), 4 * stride, from, 4 * scale_stride_, 4 * layout.count[group],
                      kKBlocks);
      return {a_.as<unsigned char>(first * kK), b_.as<unsigned char>(group * kN * kK),
              scales.as<float>(), scale_b_.as<float>(4 * group * kScaleRows * kKBlocks),
              static_cast<unsigned short*>(d) + first * kN};
    }

   private:
    static constexpr std::int64_t kKBlocks = (kK + 127) / 128;
    static constexpr std::int64_t kScaleRows = (kN + 127) / 128;

    std::int64_t scale_count(const RowLayout& layout) const {
      const int times = layout.operation == Operation::kGroupedMasked ? layout.groups() : 1;
      return times * kKBlocks * scale_stride_;
    }

    std::int64_t scale_stride_;
    core::DeviceBuffer a_;
    core::DeviceBuffer b_;
    core::DeviceBuffer scale_a_;
    core::DeviceBuffer scale_b_;
    core::DeviceBuffer rows_;
  };

  static core::GemmProblem grouped_problem(const RowLayout& layout) {
    core::GemmProblem p = problem(1, kN, kK);
    p.operation = layout.operation;
    p.groups = layout.groups();
    return p;
  }

  // Built once for all tests, side by side.
  static const core::Cubin& cubin(const std::string& config, Operation operation) {
    static const std::map<std::string, core::Cubin> cubins = [] {
      core::CompilePool pool(Gpu::builder(), 0);
      std::map<std::string, std::future<core::BuildResult>> pending;
      for (const char* each : kConfigs) {
        for (const Operation of :
             {Operation::kDense, Operation::kGroupedContiguous, Operation::kGroupedMasked}) {
          const std::string text = config_text(each, of);
          pending.emplace(text, pool.submit(core::parse_config(text)));
        }
      }
      std::map<std::string, core::Cubin> built;
      for (auto& [text, future] : pending) {
        const core::BuildResult result = future.get();
        EXPECT_TRUE(result.cubin) << text << ": " << result.failure << "\n" << result.log;
        built[text] = result.cubin.value_or(core::Cubin{});
      }
      return built;
    }();
    return cubins.at(config_text(config, operation));
  }

  static std::string config_text(const std::string& config, Operation operation) {
    switch (operation) {
      case Operation::kDense:
        return config + ",operation=1";
      case Operation::kGroupedContiguous:
        return config + ",operation=2";
      case Operation::kGroupedMasked:
        return config + ",operation=3";
    }
    return "";
  }

  static core::GemmKernel kernel(const std::string& config, Operation operation) {
    return core::GemmKernel(cubin(config, operation));
  }

  std::vector<unsigned short> contents(const autotune::GuardedResult& d, const RowLayout& layout) {
    std::vector<unsigned short> values(layout.all_rows() * kN);
    device_->stream.synchronize();
    core::copy_to_host(values.data(), d.data(), 2 * values.size());
    return values;
  }

  std::vector<unsigned short> group_by_group(const core::GemmKernel& dense,
                                             const Operands& operands, const RowLayout& layout) {
    autotune::GuardedResult d(2 * layout.all_rows() * kN);
    d.arm(device_->stream);
    for (int g = 0; g < layout.groups(); ++g) {
      if (layout.count[g] == 0) continue;
      core::DeviceBuffer scales;
      const core::GemmOperands group = operands.of_group(layout, g, d.data(), scales);
      EXPECT_EQ(dense.launch(problem(layout.count[g], kN, kK), group, device_->stream.get()), 0);
      device_->stream.synchronize();
    }
    return contents(d, layout);
  }

  // Everything that must hold of one config and one layout.
  void expect_right(const std::string& config, const core::GemmKernel& dense,
                    const core::GemmKernel& grouped, const Operands& operands,
                    const RowLayout& layout) {
    SCOPED_TRACE(config);
    autotune::GuardedResult d(2 * layout.all_rows() * kN);
    d.arm(device_->stream);
    ASSERT_EQ(grouped.launch(grouped_problem(layout), operands.of_all(layout, d.data()),
                             device_->stream.get()),
              0);
    ASSERT_EQ(device_->stream.try_synchronize(), 0);
    const std::vector<unsigned short> expected = group_by_group(dense, operands, layout);
    const std::vector<unsigned short> found = contents(d, layout);
    const auto at = std::mismatch(found.begin(), found.end(), expected.begin()).first;
    EXPECT_EQ(at, found.end()) << "row " << (at - found.begin()) / kN << ", column "
                               << (at - found.begin()) % kN;
    EXPECT_EQ(d.guards_touched(device_->tools), 0u);
  }

  void expect_right(const RowLayout& layout) {
    for (const char* config : kConfigs) {
      const Operands operands(*device_, layout);
      expect_right(config, kernel(config, Operation::kDense), kernel(config, layout.operation),
                   operands, layout);
    }
  }

  // Tiles of one and two slabs a warpgroup, one to three warpgroups, clusters along m and n, two
  // accumulator sets, slices of k, alone and with multicast, tiles of several segments.
  static constexpr const char* kConfigs[] = {
      "block_m=64,block_n=32,stages=6,math_warpgroups=1,accumulator_sets=2",
      "block_m=64,block_n=128,stages=6,math_warpgroups=1,raster_group=1",
      "block_m=128,block_n=112,stages=5,cluster_m=2,cluster_n=2,raster_group=2",
      "block_m=128,block_n=128,stages=5,accumulator_sets=2,cluster_n=2",
      "block_m=192,block_n=104,stages=3,math_warpgroups=3",
      "block_m=256,block_n=128,stages=3,cluster_m=2",
      "block_m=256,block_n=96,stages=4,cluster_n=2",
      "block_m=128,block_n=64,stages=4,split_k=2",
      "block_m=64,block_n=96,stages=6,cluster_m=2,math_warpgroups=1,split_k=2",
      "block_m=64,block_n=48,stages=5,cluster_m=2,cluster_n=2,math_warpgroups=1,split_k=2",
  };

  std::optional<Device> device_;
};

TEST_F(GroupedKernelTest, ContiguousGroupsMeetInsideATile) {
  expect_right(contiguous(4, {{0, 100}, {1, 28}, {2, 301}, {-1, 3}, {3, 1}}));
}

TEST_F(GroupedKernelTest, ContiguousWithAnEmptyFirstAndLastGroup) {
  expect_right(contiguous(4, {{1, 130}, {-1, 2}, {2, 64}}));
}

TEST_F(GroupedKernelTest, ContiguousWithAllRowsInOneGroup) {
  expect_right(contiguous(3, {{1, 700}}));
}

TEST_F(GroupedKernelTest, ContiguousPaddingIsNotTouched) {
  expect_right(
      contiguous(6, {{-1, 200}, {0, 65}, {-1, 63}, {3, 127}, {-1, 1}, {5, 64}, {-1, 300}}));
}

TEST_F(GroupedKernelTest, ContiguousGroupsInAnyOrder) {
  expect_right(contiguous(3, {{2, 96}, {0, 200}, {1, 72}}));
}

TEST_F(GroupedKernelTest, ContiguousOfOnlyPaddingWritesNothing) {
  expect_right(contiguous(2, {{-1, 256}}));
}

TEST_F(GroupedKernelTest, AsManyGroupsAsThereMayBe) {
  std::vector<Segment> segments;
  for (int g = 0; g < kernels::kMaxGroups; ++g) {
    segments.push_back({g, g % 3});
    segments.push_back({-1, (4 - g % 3) % 4});
  }
  expect_right(contiguous(kernels::kMaxGroups, segments));
}

TEST_F(GroupedKernelTest, MaskedFromNoRowToAll) {
  expect_right(masked(200, {0, 200, 1, 63, 64, 65, 0, 199, 128, 0}));
}

TEST_F(GroupedKernelTest, MaskedGroupsSmallerThanATile) { expect_right(masked(20, {7, 20, 0, 1})); }

TEST_F(GroupedKernelTest, MaskedCountsOutOfRangeAreClamped) {
  RowLayout layout = masked(70, {70, 0, 12});
  layout.rows = {1000, -5, 12};
  expect_right(layout);
}

// The launch does not change: a captured graph may be replayed.
TEST_F(GroupedKernelTest, TheRowCountsMayChangeBetweenLaunches) {
  for (const char* config : kConfigs) {
    const core::GemmKernel dense = kernel(config, Operation::kDense);
    const core::GemmKernel grouped = kernel(config, Operation::kGroupedMasked);
    Operands operands(*device_, masked(150, {150, 150, 150}));
    for (const std::vector<int>& counts :
         {std::vector<int>{0, 0, 0}, {150, 0, 1}, {64, 65, 150}, {0, 0, 3}}) {
      const RowLayout layout = masked(150, counts);
      operands.set_rows(*device_, layout);
      expect_right(config, dense, grouped, operands, layout);
    }
  }
}

TEST_F(GroupedKernelTest, AnotherOperationsKernelIsNotLaunched) {
  const RowLayout layout = masked(64, {64});
  const Operands operands(*device_, layout);
  autotune::GuardedResult d(2 * layout.all_rows() * kN);
  EXPECT_NE(kernel(kConfigs[0], Operation::kDense)
                .launch(grouped_problem(layout), operands.of_all(layout, d.data()),
                        device_->stream.get()),
            0);
}

}  // namespace
}  // namespace deepgemm::gpu_test
