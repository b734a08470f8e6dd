#include "autotune/worker_server.h"

#include <unistd.h>

#include <optional>

#include "autotune/wire.h"
#include "autotune/worker_process.h"
#include "core/error.h"

namespace deepgemm::autotune {
namespace {

class Server {
 public:
  explicit Server(const OpenExecutor& open) : open_(open) {}

  Message answer(const Message& question) {
    switch (question.say) {
      case Say::kHello:
        return hello(question.body);
      case Say::kPrepare:
        return prepare(question.body);
      case Say::kAdmit:
        return admit(question.body);
      case Say::kDismiss:
        return dismiss(question.body);
      case Say::kVerify:
        return verify(question.body);
      case Say::kRound:
        return round(question.body);
      default:
        throw wire::Garbled("no such question");
    }
  }

  // Whether the GPU still obeys.
  bool healthy() const { return executor_ == nullptr || executor_->healthy(); }

 private:
  Message hello(const std::string& body) {
    int ordinal = 0;
    core::Environment base;
    wire::unpack(body, ordinal, base);
    executor_ = open_(ordinal, base);
    return {Say::kDone, wire::pack(executor_->environment())};
  }

  Message prepare(const std::string& body) {
    core::GemmProblem problem;
    core::GroupDraw draw;
    wire::unpack(body, problem, draw);
    bench_.reset();  // first: both may not fit into memory
    bench_ = executor_->prepare(problem, draw);
    return {Say::kDone, wire::pack(bench_->reference(), bench_->reference_note())};
  }

  Message admit(const std::string& body) {
    auto contender = core::Contender::kCandidate;
    bool has_cubin = false;
    core::Cubin cubin;
    wire::unpack(body, contender, has_cubin, cubin);
    const Workbench::Admission admission = bench_->admit(contender, has_cubin ? &cubin : nullptr);
    if (!admission.failure.empty() && !healthy()) return {Say::kLost, admission.failure};
    return {Say::kDone, wire::pack(admission)};
  }

  Message dismiss(const std::string& body) {
    int id = 0;
    wire::unpack(body, id);
    bench_->dismiss(id);
    return {Say::kDone, ""};
  }

  Message verify(const std::string& body) {
    int id = 0;
    wire::unpack(body, id);
    const Check check = bench_->verify(id);
    if (check.outcome != core::Outcome::kMeasured && !healthy()) {
      return {Say::kLost, check.detail};
    }
    return {Say::kDone, wire::pack(check)};
  }

  Message round(const std::string& body) {
    std::vector<int> ids;
    wire::unpack(body, ids);
    return {Say::kDone, wire::pack(bench_->round(ids))};
  }

  const OpenExecutor& open_;
  std::unique_ptr<Executor> executor_;
  std::unique_ptr<Workbench> bench_;
};

Message refusal(const core::Error& error) {
  return {Say::kRefused, wire::pack(error.code(), std::string(error.what()), error.next_step())};
}

}  // namespace

void serve_worker(const std::function<void()>& get_ready, const OpenExecutor& open) {
  get_ready();
  WorkerChannel channel(kWorkerDescriptor);
  Server server(open);
  Message question;
  while (channel.receive(question) == Heard::kMessage) {
    Message answer;
    try {
      answer = server.answer(question);
    } catch (const core::Error& error) {
      answer = server.healthy() ? refusal(error) : Message{Say::kLost, error.what()};
    } catch (const std::exception& error) {
      answer = {Say::kLost, error.what()};
    }
    const bool heard = channel.send(answer);
    // Destructors would ask a context that is lost to free what it held.
    if (answer.say == Say::kLost) _exit(0);
    if (!heard) return;
    question = {};
  }
}

}  // namespace deepgemm::autotune
