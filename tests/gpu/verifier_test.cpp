// The verifier must reject what is wrong: each test breaks one right result in one way.
#include <algorithm>
#include <vector>

#include "autotune/gpu_workbench.h"
#include "core/context.h"
#include "tests/gpu/gpu_fixture.h"

namespace deepgemm::gpu_test {
namespace {

class VerifierTest : public GpuTest {
 protected:
  void SetUp() override {
    GpuTest::SetUp();
    if (IsSkipped()) return;
    operands_.emplace(problem(200, 264, 1040), core::GroupDraw{}, device_->tools, device_->stream);
    verifier_.emplace(*operands_, nullptr, "no library here", device_->tools, device_->stream);
    kernel_.emplace(build("block_m=64,block_n=64,stages=4,math_warpgroups=1"));
  }

  // The right product, then `damage` to it.
  autotune::Check check_after(const std::function<void(unsigned short* d)>& damage) {
    return verifier_->check([&](void* d) {
      const int error =
          kernel_->launch(operands_->problem(), operands_->writing_to(d), device_->stream.get());
      device_->stream.synchronize();
      damage(static_cast<unsigned short*>(d));
      return error;
    });
  }

  void expect_wrong(const autotune::Check& check, const std::string& word) {
    EXPECT_EQ(check.outcome, core::Outcome::kWrong);
    EXPECT_NE(check.detail.find(word), std::string::npos) << check.detail;
  }

  struct Device {
    core::Stream stream;
    autotune::DeviceTools tools{stream};
  };
  // The executor's context is current on this thread.
  std::unique_ptr<Device> device_ =
      Gpu::executor() == nullptr ? nullptr : std::make_unique<Device>();
  std::optional<autotune::Operands> operands_;
  std::optional<autotune::Verifier> verifier_;
  std::optional<core::GemmKernel> kernel_;
};

TEST_F(VerifierTest, AcceptsTheRightProductAgainstThePlainKernel) {
  const autotune::Check check = check_after([](unsigned short*) {});
  EXPECT_EQ(check.outcome, core::Outcome::kMeasured) << check.detail;
  EXPECT_EQ(check.verification.reference, "fp32-kernel");
  EXPECT_TRUE(check.verification.repeatable);
  EXPECT_GT(check.verification.relative_error_f64, 1e-4);
}

TEST_F(VerifierTest, RejectsAnElementNeverWritten) {
  expect_wrong(check_after([](unsigned short* d) {
                 const unsigned short poison = 0xffff;
                 core::copy_to_device(d + 5000, &poison, 2);
               }),
               "never written");
}

TEST_F(VerifierTest, RejectsAWriteBehindD) {
  expect_wrong(check_after([](unsigned short* d) {
                 const unsigned short stray = 0;
                 core::copy_to_device(d + 200 * 264, &stray, 2);
               }),
               "overwritten");
}

// Right both times, but whoever came next would read what is not its problem.
TEST_F(VerifierTest, RejectsAWriteIntoTheOperandsAndMakesThemAnew) {
  const core::GemmOperands operands = operands_->writing_to(nullptr);
  for (const void* const operand :
       {operands.a, operands.b, static_cast<const void*>(operands.scale_a),
        static_cast<const void*>(operands.scale_b)}) {
    int runs = 0;
    const autotune::Check check = check_after([&](unsigned short*) {
      const unsigned char stray[] = {0x12, 0x34, 0x56, 0x78};
      if (++runs == 2) core::copy_to_device(const_cast<void*>(operand), stray, sizeof stray);
    });
    expect_wrong(check, "wrote into");
    EXPECT_TRUE(check.verification.repeatable);
    EXPECT_EQ(check_after([](unsigned short*) {}).outcome, core::Outcome::kMeasured);
  }
}

TEST_F(VerifierTest, RejectsAWriteBeforeD) {
  expect_wrong(check_after([](unsigned short* d) {
                 const unsigned short stray = 0;
                 core::copy_to_device(d - 1, &stray, 2);
               }),
               "overwritten");
}

// cuBLASLt is given 200 rows for 199; a caller's D has no 200th.
TEST_F(VerifierTest, RejectsAWriteToARowThatOnlyPads) {
  operands_.emplace(problem(199, 264, 1040), core::GroupDraw{}, device_->tools, device_->stream);
  verifier_.emplace(*operands_, nullptr, "no library here", device_->tools, device_->stream);
  EXPECT_EQ(check_after([](unsigned short*) {}).outcome, core::Outcome::kMeasured);
  expect_wrong(check_after([](unsigned short* d) {
                 const unsigned short stray = 0;
                 core::copy_to_device(d + 199 * 264, &stray, 2);
               }),
               "overwritten");
}

// One element among 52800, and not among the rows that float64 samples.
TEST_F(VerifierTest, RejectsOneElementOffByASixteenth) {
  expect_wrong(check_after([](unsigned short* d) {
                 std::vector<unsigned short> row(264);
                 core::copy_to_host(row.data(), d + 2 * 264, 2 * row.size());
                 const auto magnitude = [](unsigned short v) { return v & 0x7fff; };
                 const auto largest = std::max_element(row.begin(), row.end(), [&](auto a, auto b) {
                   return magnitude(a) < magnitude(b);
                 });
                 *largest = static_cast<unsigned short>(*largest ^ 0x0008);
                 core::copy_to_device(d + 2 * 264, row.data(), 2 * row.size());
               }),
               "element");
}

TEST_F(VerifierTest, RejectsNan) {
  expect_wrong(check_after([](unsigned short* d) {
                 const unsigned short nan = 0x7fc0;
                 core::copy_to_device(d + 9, &nan, 2);
               }),
               "differs");
}

TEST_F(VerifierTest, RejectsANeighboursScale) {
  const autotune::Check check = verifier_->check([&](void* d) {
    core::GemmOperands wrong = operands_->writing_to(d);
    ++wrong.scale_b;
    return kernel_->launch(operands_->problem(), wrong, device_->stream.get());
  });
  expect_wrong(check, "differs");
}

TEST_F(VerifierTest, RejectsBitsThatChangeBetweenRuns) {
  int run = 0;
  expect_wrong(check_after([&](unsigned short* d) {
                 unsigned short value = 0;
                 core::copy_to_host(&value, d + 31, 2);
                 value = static_cast<unsigned short>(value ^ run++);
                 core::copy_to_device(d + 31, &value, 2);
               }),
               "other bits");
}

TEST_F(VerifierTest, ReportsALaunchThatFails) {
  const autotune::Check check = verifier_->check([](void*) { return 1; });
  EXPECT_EQ(check.outcome, core::Outcome::kLaunchFailed);
}

}  // namespace
}  // namespace deepgemm::gpu_test
