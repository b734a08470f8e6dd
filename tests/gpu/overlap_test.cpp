// Products that may start before the kernel before them has ended: programmatic dependent launch.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "autotune/gpu_workbench.h"
#include "core/gemm_kernel.h"
#include "core/graph.h"
#include "tests/gpu/gpu_fixture.h"
#include "tests/mutants/mutants.h"

namespace deepgemm::gpu_test {
namespace {

using core::Operation;
using core::Start;

// What the second product of a chain reads of the first one's D.
enum class Link { kA, kB, kScaleA, kScaleB, kRows };

// A chain of products. D of the first, read as fp32, is the second's scales: two bf16 side by side
// are a number near the second of them. Or, read as e4m3, it is A or B, of so short a k that few
// rows hold a byte that is no number. Or, read as int, it is how many rows there are of the only
// group, all or none; or the group of each row, the first where D is zeros. The first product takes
// long on few SMs, so that blocks of the second find room at once, if they may start.
class OverlapTest : public GpuTest {
 protected:
  static constexpr std::int64_t kM = 128;
  static constexpr std::int64_t kN = 256;
  static constexpr std::int64_t kK = 16384;
  static constexpr std::size_t kBytes = 2 * kM * kN;

  struct Device {
    core::Stream stream;
    autotune::DeviceTools tools{stream};
    autotune::Operands operands{problem(kM, kN, kK), {}, tools, stream};
    core::DeviceBuffer between{kBytes};
    core::DeviceBuffer result{kBytes};
    core::DeviceBuffer rows{sizeof(int) * kM};
    core::DeviceBuffer zeros{sizeof(float) * (kN / 128) * (kK / 128)};
  };

  void SetUp() override {
    GpuTest::SetUp();
    if (!IsSkipped()) device_.emplace();
  }

  // One group that has all rows.
  core::GemmProblem all_in_one_group(Operation operation) {
    core::GemmProblem all = problem(kM, kN, kK);
    all.operation = operation;
    if (operation == Operation::kGroupedContiguous) all.alignment = 128;
    std::vector<int> rows(kM, 0);  // of each row its group, or of the group its rows
    if (operation == Operation::kGroupedMasked) rows[0] = kM;
    core::copy_to_device(device_->rows.data(), rows.data(), device_->rows.bytes());
    return all;
  }

  // Enqueues a product whose D is `between`, and the second one, which reads that.
  void enqueue(const core::GemmKernel& first, const core::GemmKernel& second,
               const core::GemmProblem& second_problem, Start start, Link link = Link::kScaleA) {
    CUstream_st* const stream = device_->stream.get();
    const core::GemmOperands own = device_->operands.writing_to(device_->between.data());
    const bool maps_rows =
        link == Link::kRows && second_problem.operation == Operation::kGroupedContiguous;
    core::GemmOperands operands = own;
    if (maps_rows) operands.scale_b = device_->zeros.as<const float>();
    EXPECT_EQ(first.launch(problem(kM, kN, kK), operands, stream), 0);
    const core::DeviceBuffer& between = device_->between;
    operands = own;
    if (link == Link::kA) operands.a = between.data();
    if (link == Link::kB) operands.b = between.data();
    if (link == Link::kScaleA) operands.scale_a = between.as<const float>();
    if (link == Link::kScaleB) operands.scale_b = between.as<const float>();
    operands.rows = device_->rows.as<const int>();
    if (link == Link::kRows) operands.rows = between.as<const int>() + (maps_rows ? 0 : count_at_);
    operands.d = device_->result.data();
    operands.row_extent = kM;
    EXPECT_EQ(second.launch(second_problem, operands, stream, start), 0);
  }

  // The first place of `between` that as an int means all rows.
  void find_count(const core::GemmKernel& first) {
    core::GemmOperands operands = device_->operands.writing_to(device_->between.data());
    EXPECT_EQ(first.launch(problem(kM, kN, kK), operands, device_->stream.get()), 0);
    EXPECT_EQ(device_->stream.try_synchronize(), 0);
    std::vector<int> values(kBytes / sizeof(int));
    core::copy_to_host(values.data(), device_->between.data(), kBytes);
    const auto found = std::ranges::find_if(values, [](int value) { return value > kM; });
    ASSERT_NE(found, values.end());
    count_at_ = found - values.begin();
  }

  // What the chain leaves, where nothing but poison was before.
  template <typename Run>
  std::vector<unsigned short> result_of(const Run& run) {
    device_->stream.fill(device_->zeros.data(), 0, device_->zeros.bytes());
    device_->stream.fill(device_->between.data(), 0xff, kBytes);
    device_->stream.fill(device_->result.data(), 0xff, kBytes);
    device_->stream.synchronize();
    run();
    EXPECT_EQ(device_->stream.try_synchronize(), 0);
    std::vector<unsigned short> values(kM * kN);
    core::copy_to_host(values.data(), device_->result.data(), kBytes);
    return values;
  }

  std::optional<Device> device_;
  std::ptrdiff_t count_at_ = 0;
};

// Whether there is a number among these bf16: poison is none, nor is what comes of poison.
bool any_number(const std::vector<unsigned short>& values) {
  constexpr unsigned short kExponent = 0x7f80;
  return std::ranges::any_of(values,
                             [](unsigned short value) { return (value & kExponent) != kExponent; });
}

constexpr const char* kLong = "block_m=128,block_n=128,stages=4";

TEST_F(OverlapTest, SameBitsAsInTurnForEveryOperation) {
  const core::GemmKernel first(build(kLong));
  for (const std::string config :
       {"block_m=128,block_n=128,stages=4",
        "block_m=64,block_n=64,stages=4,math_warpgroups=1,split_k=4",
        "block_m=64,block_n=32,stages=6,math_warpgroups=1,cluster_n=2"}) {
    for (const Operation operation :
         {Operation::kDense, Operation::kGroupedContiguous, Operation::kGroupedMasked}) {
      const int number = core::kernel_operation(operation);
      const core::GemmKernel second(build(config + ",operation=" + std::to_string(number)));
      const core::GemmProblem all = all_in_one_group(operation);
      const auto run = [&](Start start) {
        return result_of([&] { enqueue(first, second, all, start); });
      };
      const std::vector<unsigned short> in_turn = run(Start::kInTurn);
      for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(run(Start::kOverlapped), in_turn) << config << ", operation " << number;
      }
      const core::Graph graph(device_->stream,
                              [&] { enqueue(first, second, all, Start::kOverlapped); });
      EXPECT_EQ(result_of([&] { graph.launch(device_->stream); }), in_turn) << config;
    }
  }
}

TEST_F(OverlapTest, AnyOperandMayComeFromTheKernelBefore) {
  const core::GemmKernel first(build(kLong));
  find_count(first);
  struct Case {
    Link link;
    Operation operation;
  };
  for (const auto& [link, operation] :
       {Case{Link::kA, Operation::kDense}, Case{Link::kB, Operation::kDense},
        Case{Link::kScaleB, Operation::kDense}, Case{Link::kA, Operation::kGroupedContiguous},
        Case{Link::kScaleB, Operation::kGroupedContiguous},
        Case{Link::kRows, Operation::kGroupedContiguous}, Case{Link::kB, Operation::kGroupedMasked},
        Case{Link::kRows, Operation::kGroupedMasked}}) {
    const int number = core::kernel_operation(operation);
    const core::GemmKernel second(
        build("block_m=128,block_n=96,stages=4,operation=" + std::to_string(number)));
    core::GemmProblem all = all_in_one_group(operation);
    if (link == Link::kA || link == Link::kB) all.k = 16;
    const auto run = [&](Start start) {
      return result_of([&] { enqueue(first, second, all, start, link); });
    };
    const std::vector<unsigned short> in_turn = run(Start::kInTurn);
    SCOPED_TRACE("operand " + std::to_string(static_cast<int>(link)) + ", operation " +
                 std::to_string(number));
    EXPECT_TRUE(any_number(in_turn));
    for (int i = 0; i < 5; ++i) EXPECT_EQ(run(Start::kOverlapped), in_turn);
  }
}

// The third one is told that the second has ended, not that the first has.
TEST_F(OverlapTest, AThirdProductSeesWhatTheFirstWrote) {
  const core::GemmKernel first(build(kLong));
  const core::GemmKernel small(build("block_m=64,block_n=64,stages=4,math_warpgroups=1"));
  core::DeviceBuffer aside(kBytes);
  const auto run = [&](Start start) {
    return result_of([&] {
      CUstream_st* const stream = device_->stream.get();
      core::GemmOperands operands = device_->operands.writing_to(device_->between.data());
      EXPECT_EQ(first.launch(problem(kM, kN, kK), operands, stream), 0);
      operands.d = aside.data();
      EXPECT_EQ(small.launch(problem(kM, kN, 128), operands, stream, start), 0);
      operands.scale_a = device_->between.as<const float>();
      operands.d = device_->result.data();
      EXPECT_EQ(small.launch(problem(kM, kN, kK), operands, stream, start), 0);
    });
  };
  const std::vector<unsigned short> in_turn = run(Start::kInTurn);
  EXPECT_TRUE(any_number(in_turn));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(run(Start::kOverlapped), in_turn);
}

// What the tests above hold is no accident of the timing.
TEST_F(OverlapTest, AKernelThatDoesNotWaitReadsTooEarly) {
  const core::GemmKernel first(build(kLong));
  const mutants::Edit no_wait[] = {{"kernels/ptx.cuh", "griddepcontrol.wait;", ""}};
  const mutants::Build hasty =
      mutants::build("no wait", mutants::todays_sources(), no_wait, core::parse_config(kLong));
  ASSERT_TRUE(hasty.compiled) << hasty.log;
  const core::GemmKernel second(hasty.cubin);
  const auto run = [&](Start start) {
    return result_of([&] { enqueue(first, second, problem(kM, kN, kK), start); });
  };
  EXPECT_NE(run(Start::kOverlapped), run(Start::kInTurn));
}

}  // namespace
}  // namespace deepgemm::gpu_test
