#include "autotune/wire.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <thread>

#include "autotune/interrupt.h"
#include "autotune/worker_channel.h"
#include "tests/autotune/scripted.h"
#include "tests/autotune/shapes.h"

namespace deepgemm::autotune {
namespace {

TEST(Wire, WhatIsPackedIsUnpacked) {
  core::Cubin cubin{"key", "entry", {}, {'\0', '\x7f', 'E'}, {168, 8, 200000, 0.75}};
  cubin.config.block_n = 96;
  Check check = scripted::passing_check();
  check.outcome = core::Outcome::kWrong;
  check.detail = "9 elements";
  Round round;
  round.times_us = {1.5, 2.5};
  round.slowed = true;
  const core::Environment environment = scripted::Script::gpu_environment();
  const std::string bytes = wire::pack(shape(64, 2112, 7168), cubin, check, round, environment);

  core::GemmProblem problem;
  core::Cubin cubin2;
  Check check2;
  Round round2;
  core::Environment environment2;
  wire::unpack(bytes, problem, cubin2, check2, round2, environment2);
  EXPECT_EQ(problem, shape(64, 2112, 7168));
  EXPECT_EQ(cubin2.key, cubin.key);
  EXPECT_EQ(cubin2.config, cubin.config);
  EXPECT_EQ(cubin2.image, cubin.image);
  EXPECT_EQ(cubin2.build.shared_bytes, 200000);
  EXPECT_EQ(check2.outcome, core::Outcome::kWrong);
  EXPECT_EQ(check2.detail, check.detail);
  EXPECT_EQ(check2.verification.bits_hash, check.verification.bits_hash);
  EXPECT_EQ(round2.times_us, round.times_us);
  EXPECT_TRUE(round2.slowed);
  EXPECT_EQ(environment2, environment);
}

TEST(Wire, AGroupedProblemArrivesWithItsRows) {
  const core::GemmProblem problem{.operation = core::Operation::kGroupedContiguous,
                                  .m = 512,
                                  .n = 4096,
                                  .k = 7168,
                                  .groups = 2,
                                  .alignment = 16};
  const core::GroupDraw draw{.skew = core::Skew::kZipf, .max_m = 7, .rows = {617, 591}};
  core::GemmProblem problem2;
  core::GroupDraw draw2;
  wire::unpack(wire::pack(problem, draw), problem2, draw2);
  EXPECT_EQ(problem2, problem);
  EXPECT_EQ(draw2, draw);
}

TEST(Wire, TooFewAndTooManyBytesAreGarbled) {
  const std::string bytes = wire::pack(std::string("text"), 7);
  std::string text;
  int number = 0;
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_THROW(wire::unpack(bytes.substr(0, length), text, number), wire::Garbled) << length;
  }
  EXPECT_THROW(wire::unpack(bytes + "x", text, number), wire::Garbled);
  // A length beyond the message must not be believed.
  EXPECT_THROW(wire::unpack(std::string(16, '\xff'), text), wire::Garbled);
}

class ChannelTest : public testing::Test {
 protected:
  ChannelTest() {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) ADD_FAILURE() << "no socket pair";
    here_ = std::make_unique<WorkerChannel>(ends[0]);
    there_ = std::make_unique<WorkerChannel>(ends[1]);
    raw_ = ends[1];
  }
  std::unique_ptr<WorkerChannel> here_;
  std::unique_ptr<WorkerChannel> there_;
  int raw_ = -1;
};

TEST_F(ChannelTest, CarriesMessagesLargerThanItsBuffer) {
  const std::string large(5 << 20, 'x');
  std::thread sender([&] { EXPECT_TRUE(there_->send({Say::kAdmit, large})); });
  Message message;
  EXPECT_EQ(here_->receive(message, 30), Heard::kMessage);
  sender.join();
  EXPECT_EQ(message.say, Say::kAdmit);
  EXPECT_EQ(message.body, large);
}

TEST_F(ChannelTest, SilenceIsATimeout) {
  Message message;
  EXPECT_EQ(here_->receive(message, 0.1), Heard::kTimeout);
}

TEST_F(ChannelTest, HalfAMessageIsATimeoutAndThenClosed) {
  ASSERT_EQ(send(raw_, "half", 4, 0), 4);
  Message message;
  EXPECT_EQ(here_->receive(message, 0.1), Heard::kTimeout);
  there_.reset();
  EXPECT_EQ(here_->receive(message, 1), Heard::kClosed);
  EXPECT_FALSE(here_->send({Say::kDone, ""}));
}

TEST_F(ChannelTest, NonsenseIsGarbled) {
  const std::string nonsense(64, 'n');
  ASSERT_EQ(send(raw_, nonsense.data(), nonsense.size(), 0), 64);
  Message message;
  EXPECT_EQ(here_->receive(message, 1), Heard::kGarbled);
}

TEST_F(ChannelTest, AnInterruptEndsTheWait) {
  const std::atomic<bool> stop{true};
  Message message;
  EXPECT_THROW(here_->receive(message, 10, &stop), Interrupted);
}

TEST_F(ChannelTest, WhoDoesNotReadDoesNotBlockTheSender) {
  EXPECT_FALSE(here_->send({Say::kAdmit, std::string(5 << 20, 'x')}, 0.1));
}

}  // namespace
}  // namespace deepgemm::autotune
