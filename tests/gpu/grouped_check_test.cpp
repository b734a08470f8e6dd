// Grouped products above the kernels: what the verifier must catch, cuBLASLt per group, and the C
// ABI in a CUDA graph whose rows change between replays.
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "core/graph.h"
#include "core/include/deepgemm/deepgemm.hpp"
#include "tests/gpu/grouped_fixture.h"

namespace deepgemm::gpu_test {
namespace {

using core::Operation;

// One problem with exact rows: groups that are empty, small, and larger than a tile.
struct Case {
  core::GemmProblem problem;
  core::GroupDraw draw;
};

// The same with whole blocks of scales, which cuBLASLt takes.
Case even_blocks(Case each) {
  each.problem.n = 384;
  each.problem.k = 640;
  return each;
}

class GroupedCheckTest : public GroupedTest {
 protected:
  static inline const Case kCases[] = {
      {grouped(Operation::kGroupedContiguous, 5, 96), {.rows = {0, 100, 1, 301, 0}}},
      {grouped(Operation::kGroupedContiguous, 3, 96), {.rows = {0, 500, 0}}},
      {grouped(Operation::kGroupedMasked, 5, 96), {.max_m = 150, .rows = {0, 100, 1, 150, 0}}},
      {grouped(Operation::kGroupedMasked, 2, 8), {.max_m = 9, .rows = {9, 7}}},
  };

  void expect_wrong(const autotune::Check& check, const std::string& word) {
    EXPECT_EQ(check.outcome, core::Outcome::kWrong);
    EXPECT_NE(check.detail.find(word), std::string::npos) << check.detail;
  }
};

TEST_F(GroupedCheckTest, TheDefaultIsRightAgainstThePlainKernel) {
  for (const Case& each : kCases) {
    SCOPED_TRACE(core::to_string(each.problem));
    const autotune::Operands operands(each.problem, each.draw, device_->tools, device_->stream);
    const core::GemmKernel kernel(default_cubin(each.problem));
    const autotune::Verifier verifier(operands, nullptr, "no library here", device_->tools,
                                      device_->stream);
    const autotune::Check check = verifier.check([&](void* d) {
      return kernel.launch(each.problem, operands.writing_to(d), device_->stream.get());
    });
    EXPECT_EQ(check.outcome, core::Outcome::kMeasured) << check.detail;
  }
}

TEST_F(GroupedCheckTest, TheDefaultIsRightAgainstCublasLtPerGroup) {
  for (const Case& ragged : kCases) {
    const Case each = even_blocks(ragged);
    SCOPED_TRACE(core::to_string(each.problem));
    const autotune::Operands operands(each.problem, each.draw, device_->tools, device_->stream);
    std::string why;
    const auto library =
        device_->library.plan(autotune::LibraryRecipe::kBlockScaled, operands, why);
    ASSERT_NE(library, nullptr) << why;
    const core::GemmKernel kernel(default_cubin(each.problem));
    const autotune::Verifier verifier(operands, library.get(), "", device_->tools, device_->stream);
    EXPECT_EQ(verifier.reference(), "cublaslt-block") << verifier.note();
    const autotune::Check check = verifier.check([&](void* d) {
      return kernel.launch(each.problem, operands.writing_to(d), device_->stream.get());
    });
    EXPECT_EQ(check.outcome, core::Outcome::kMeasured) << check.detail;
    EXPECT_EQ(check.verification.canaries_touched, 0);
  }
}

// What the tuner holds grouped kernels to.
TEST_F(GroupedCheckTest, ADenseKernelRunGroupByGroupGivesTheSameBits) {
  const core::Cubin dense = build(core::to_string(core::fallback_config(Operation::kDense)));
  for (const Case& each : kCases) {
    SCOPED_TRACE(core::to_string(each.problem));
    const auto bench = Gpu::executor()->prepare(each.problem, each.draw);
    const core::Cubin grouped =
        build(core::to_string(core::fallback_config(each.problem.operation)));
    std::vector<unsigned long long> bits;
    for (const core::Cubin* cubin : {&dense, &grouped}) {
      const auto admission = bench->admit(core::Contender::kCandidate, cubin);
      ASSERT_EQ(admission.failure, "");
      const autotune::Check check = bench->verify(admission.id);
      EXPECT_EQ(check.outcome, core::Outcome::kMeasured) << check.detail;
      bits.push_back(check.verification.bits_hash);
    }
    EXPECT_EQ(bits[0], bits[1]);
  }
}

TEST_F(GroupedCheckTest, WhatIsWrongIsRejected) {
  for (const Case& each : {kCases[0], kCases[2]}) {
    SCOPED_TRACE(core::to_string(each.problem));
    const autotune::Operands operands(each.problem, each.draw, device_->tools, device_->stream);
    const autotune::Verifier verifier(operands, nullptr, "no library here", device_->tools,
                                      device_->stream);
    const core::GemmKernel kernel(default_cubin(each.problem));
    const auto with = [&](const std::function<void(core::GemmOperands&)>& change) {
      return verifier.check([&](void* d) {
        core::GemmOperands wrong = operands.writing_to(d);
        change(wrong);
        return kernel.launch(each.problem, wrong, device_->stream.get());
      });
    };
    const std::int64_t scales_of_b = core::n_blocks(each.problem) * core::k_blocks(each.problem);
    expect_wrong(with([&](auto& o) { o.scale_b -= scales_of_b; }), "differs");  // a neighbour's
    expect_wrong(with([&](auto& o) { o.b = static_cast<const char*>(o.b) - kN * kK; }), "differs");
    expect_wrong(with([&](auto& o) { o.scale_a += 4; }), "differs");

    const auto after = [&](std::int64_t row, unsigned short value) {
      return verifier.check([&](void* d) {
        const int error =
            kernel.launch(each.problem, operands.writing_to(d), device_->stream.get());
        device_->stream.synchronize();
        core::copy_to_device(static_cast<unsigned short*>(d) + row * kN + 7, &value, 2);
        return error;
      });
    };
    const core::GroupSegment& group = operands.layout().segments[1];
    expect_wrong(after(group.first + group.rows, 0), "rows of no group");
    expect_wrong(after(operands.layout().all_rows, 0), "overwritten");
    expect_wrong(after(group.first + group.rows - 1, 0xffff), "never written");
  }
}

TEST_F(GroupedCheckTest, AllContendersRaceOnAWorkbench) {
  for (const Case& each : {even_blocks(kCases[0]), even_blocks(kCases[2])}) {
    SCOPED_TRACE(core::to_string(each.problem));
    const auto bench = Gpu::executor()->prepare(each.problem, each.draw);
    EXPECT_EQ(bench->reference(), "cublaslt-block") << bench->reference_note();
    const core::Cubin cubin = default_cubin(each.problem);
    std::vector<int> ids;
    for (const core::Contender contender :
         {core::Contender::kDefault, core::Contender::kCublasLtBlock,
          core::Contender::kCublasLtTensorwide, core::Contender::kMemoryFloor}) {
      const bool ours = contender == core::Contender::kDefault;
      const auto admission = bench->admit(contender, ours ? &cubin : nullptr);
      ASSERT_EQ(admission.failure, "") << core::name(contender);
      ids.push_back(admission.id);
    }
    EXPECT_EQ(bench->verify(ids[0]).outcome, core::Outcome::kMeasured);
    const autotune::Round round = bench->round(ids);
    ASSERT_EQ(round.times_us.size(), ids.size());
    for (const double time_us : round.times_us) EXPECT_GT(time_us, 0);
    EXPECT_GT(round.times_us[1], round.times_us[0]) << "three launches for one of ours";
  }
}

// Each round may run on operands at a new place, for which cuBLASLt's graph must be made first.
TEST_F(GroupedCheckTest, WhatALibraryGetsReadyIsNotTimed) {
  const core::GemmProblem problem{.operation = Operation::kGroupedContiguous,
                                  .m = 1024,
                                  .n = 4096,
                                  .k = 7168,
                                  .groups = 4,
                                  .alignment = 128};
  const auto bench = Gpu::executor()->prepare(problem, {});
  std::vector<int> ids;
  for (const core::Contender contender :
       {core::Contender::kCublasLtBlock, core::Contender::kCublasLtTensorwide}) {
    const auto admission = bench->admit(contender, nullptr);
    ASSERT_EQ(admission.failure, "") << core::name(contender);
    ids.push_back(admission.id);
  }
  std::vector<std::vector<double>> times(ids.size());
  for (int i = 0; i < 6; ++i) {
    const autotune::Round round = bench->round(ids);
    for (std::size_t at = 0; at < ids.size(); ++at) times[at].push_back(round.times_us.at(at));
  }
  for (const std::vector<double>& each : times) {
    const auto [least, most] = std::ranges::minmax_element(each);
    EXPECT_GT(*least, 100) << "where code is not run once before it is timed";
    EXPECT_LT(*most, 1.5 * *least);
  }
}

// Captured once; the GPU reads the counts anew in each replay.
TEST_F(GroupedCheckTest, TheRowsChangeBetweenReplaysOfAGraph) {
  const core::GemmProblem problem = grouped(Operation::kGroupedMasked, 3, 96);
  constexpr std::int64_t kMaxM = 150;
  const core::GroupDraw full{.max_m = kMaxM, .rows = {kMaxM, kMaxM, kMaxM}};
  const autotune::Operands operands(problem, full, device_->tools, device_->stream);
  const core::Cubin cubin = default_cubin(problem);
  const std::string path = bundle_of(problem, cubin, "deepgemm-grouped-graph.dgdb");
  deepgemm::Runtime runtime(path);
  const deepgemm_problem asked{96, kN, kK, DEEPGEMM_GROUPED_MASKED, 3};
  ASSERT_TRUE(runtime.prepare({asked}));

  core::DeviceBuffer counts(3 * sizeof(std::int32_t));
  autotune::GuardedResult replayed(2 * 3 * kMaxM * kN);
  autotune::GuardedResult whole(2 * 3 * kMaxM * kN);
  const core::GemmOperands o = operands.writing_to(replayed.data());
  const deepgemm_operands pointers{o.a,  o.b, o.scale_a, o.scale_b, o.d, counts.as<std::int32_t>(),
                                   kMaxM};
  whole.arm(device_->stream);
  ASSERT_EQ(core::GemmKernel(cubin).launch(problem, operands.writing_to(whole.data()),
                                           device_->stream.get()),
            0);
  device_->stream.synchronize();
  std::vector<unsigned short> expected(3 * kMaxM * kN);
  core::copy_to_host(expected.data(), whole.data(), 2 * expected.size());

  const core::Graph graph(
      device_->stream, [&] { EXPECT_TRUE(runtime.gemm(asked, pointers, device_->stream.get())); });
  for (const std::vector<std::int32_t>& rows :
       {std::vector<std::int32_t>{0, 0, 0}, {150, 0, 1}, {64, 65, 150}, {150, 150, 150}}) {
    core::copy_to_device(counts.data(), rows.data(), counts.bytes());
    EXPECT_NO_THROW(runtime.check(asked, pointers, device_->stream.get()));
    replayed.arm(device_->stream);
    graph.launch(device_->stream);
    device_->stream.synchronize();
    std::vector<unsigned short> found(expected.size());
    core::copy_to_host(found.data(), replayed.data(), 2 * found.size());
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < found.size(); ++i) {
      const auto row = static_cast<std::int64_t>(i) / kN;
      const bool used = row % kMaxM < rows[static_cast<std::size_t>(row / kMaxM)];
      wrong += found[i] != (used ? expected[i] : 0xffff);
    }
    EXPECT_EQ(wrong, 0u) << rows[0] << " " << rows[1] << " " << rows[2];
    EXPECT_EQ(replayed.guards_touched(device_->tools), 0u);
  }
  const std::vector<std::int32_t> bad = {0, 151, 0};
  core::copy_to_device(counts.data(), bad.data(), counts.bytes());
  EXPECT_THROW(runtime.check(asked, pointers, device_->stream.get()), std::runtime_error);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace deepgemm::gpu_test
