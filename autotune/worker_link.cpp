#include "autotune/worker_link.h"

#include <fmt/format.h>

#include <algorithm>

#include "autotune/wire.h"
#include "core/error.h"

namespace deepgemm::autotune {
namespace {

// Of its time limit, which is far more than any kernel takes that ends, and in seconds: who has run
// so long when a budget ends hangs.
constexpr double kShareThatHangs = 0.25;
constexpr double kLeastThatHangs = 1.25;
// Seconds by which that is seen: between two look-ups of a wait. Both together are less than what
// a first answer may take behind a budget: only a kernel of several milliseconds may begin in time
// and not be told.
constexpr double kToTell = 0.1;

// The deadline of a wait that begins now, moved to where a kernel that hangs can be told.
Deadline until_told(const Deadline& deadline, const Deadline& last_moment, double seconds) {
  if (deadline.seconds_left() >= seconds) return deadline;
  const Deadline told(Deadline::Clock::now(), seconds);
  const Deadline& sooner = told.seconds_left() < last_moment.seconds_left() ? told : last_moment;
  return deadline.seconds_left() < sooner.seconds_left() ? sooner : deadline;
}

[[noreturn]] void rethrow_refusal(const std::string& body) {
  auto code = core::ExitCode::kEnvironment;
  std::string what;
  std::string next;
  wire::unpack(body, code, what, next);
  if (code == core::ExitCode::kUsage) throw core::UsageError(what, next);
  if (code == core::ExitCode::kEnvironment) throw core::EnvironmentError(what, next);
  throw core::Error(code, what, next);
}

}  // namespace

// An interrupted tuner waits for nobody, nor does one that had nothing for the worker to do.
WorkerLink::~WorkerLink() {
  const bool interrupted = options_.stop != nullptr && options_.stop->load();
  if (worker_ && (interrupted || !open_)) worker_->kill(true, options_.stop);
}

void WorkerLink::start(const Deadline& deadline) {
  if (open_) return;
  Answer answer;
  for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
    if (deadline.passed()) throw OutOfTime{};
    if (!worker_) worker_ = std::make_unique<WorkerProcess>(options_.executable);
    answer = ask(Say::kHello, wire::pack(options_.ordinal, identity_.environment),
                 options_.limits.start, deadline);
    // One that was stopped, or finds the GPU broken, would be so again, after a minute each.
    if (!answer.loss || answer.loss->outcome != core::Outcome::kWorkerLost) break;
  }
  if (answer.loss) {
    throw core::EnvironmentError("The worker process did not start: " + answer.loss->detail,
                                 "Check the GPU with nvidia-smi, or pass --no-isolation to see the "
                                 "failure itself.");
  }
  core::Environment found;
  wire::unpack(answer.body, found);
  if (core::agree(found, identity_.environment)) {
    open_ = true;
    ++opened_;
    return;
  }
  end_worker();
  core::Environment other_clocks = identity_.environment;
  for (const core::ClockLimit& limit : core::kClockLimits) {
    other_clocks.*limit.member = found.*limit.member;
  }
  if (found == other_clocks) {
    throw core::EnvironmentError("Clocks or power limit of the GPU were set during this run",
                                 "Run the same command again: it measures under the new ones.");
  }
  throw core::EnvironmentError(
      fmt::format(
          "The worker process finds another GPU or library than this command ({} {}, {} {})",
          found.device_uuid, found.cublaslt, identity_.environment.device_uuid,
          identity_.environment.cublaslt),
      "Let CUDA_VISIBLE_DEVICES and LD_LIBRARY_PATH stay as they are while it runs.");
}

void WorkerLink::end_worker(bool in_a_hurry) {
  worker_->kill(in_a_hurry, options_.stop);
  worker_.reset();
  open_ = false;
}

Answer WorkerLink::lose(core::Outcome outcome, const std::string& detail, bool in_a_hurry) {
  end_worker(in_a_hurry);
  if (options_.on_loss) options_.on_loss(detail);
  return {"", Loss{outcome, detail, false}};
}

Loss WorkerLink::give_up() {
  return *lose(core::Outcome::kWorkerLost, "the process that ran it answered nonsense").loss;
}

// Of a wait that its limit has ended.
Answer WorkerLink::lose_at_limit(double limit_s) {
  using core::Outcome;
  if (!worker_->is_stopped()) {
    return lose(Outcome::kHung, fmt::format("it was not done within {:.1f} s", limit_s));
  }
  Answer answer = lose(Outcome::kHung, "the process that ran it was suspended");
  answer.loss->is_blameless = true;
  return answer;
}

void WorkerLink::run_out_of_time() {
  lose(core::Outcome::kHung, "the budget ended before it was done", true);
  throw OutOfTime{};
}

std::optional<Answer> WorkerLink::exchange(Say say, const std::string& body, WorkerWait& wait) {
  using core::Outcome;
  Message message{say, body};
  Heard heard = Heard::kTimeout;
  if (worker_->channel().send(message, wait)) {
    heard = worker_->channel().receive(message, wait, options_.stop);
  } else if (!wait.is_over()) {
    heard = Heard::kClosed;  // the reason is how the worker ended
  }
  switch (heard) {
    case Heard::kTimeout:
      return std::nullopt;
    case Heard::kClosed:
      return lose(Outcome::kWorkerLost,
                  fmt::format("the process that ran it {}", worker_->how_it_ended()));
    case Heard::kGarbled:
      return Answer{"", give_up()};
    case Heard::kMessage:
      break;
  }
  if (message.say == Say::kRefused) rethrow_refusal(message.body);
  if (message.say == Say::kLost) {
    return lose(Outcome::kFaulted, fmt::format("the GPU stopped it: {}", message.body));
  }
  if (message.say != Say::kDone) return Answer{"", give_up()};
  return Answer{std::move(message.body), std::nullopt};
}

Answer WorkerLink::ask(Say say, const std::string& body, double limit_s, const Deadline& deadline) {
  WorkerWait wait(limit_s, deadline);
  if (auto answer = exchange(say, body, wait)) return *std::move(answer);
  if (!deadline.passed()) return lose_at_limit(limit_s);
  run_out_of_time();
}

Answer WorkerLink::ask_for_one(Say say, const std::string& body, double limit_s,
                               const Deadline& deadline, const Deadline& last_moment) {
  const double hangs_s = std::max(kShareThatHangs * limit_s, kLeastThatHangs);
  const Deadline end = until_told(deadline, last_moment, hangs_s + kToTell);
  WorkerWait wait(limit_s, end);
  if (auto answer = exchange(say, body, wait)) return *std::move(answer);
  if (!end.passed()) return lose_at_limit(limit_s);
  if (wait.seconds() < hangs_s || worker_->is_stopped()) run_out_of_time();
  return lose(core::Outcome::kHung,
              fmt::format("it was not done within {:.1f} s, when the budget ended", wait.seconds()),
              true);
}

}  // namespace deepgemm::autotune
