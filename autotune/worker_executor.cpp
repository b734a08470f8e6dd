#include "autotune/worker_executor.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "autotune/cost_model.h"
#include "autotune/wire.h"
#include "autotune/worker_link.h"
#include "core/default_config.h"
#include "core/error.h"

namespace deepgemm::autotune {
namespace {

using core::Outcome;

// The model may be far off, the GPU's clocks low and its memory shared: a kernel that takes this
// much longer than predicted does not end.
constexpr double kPatience = 200;
// Each verification and each sample launches a kernel about so often.
constexpr double kLaunches = 2;
// Seconds in which a worker that obeys has dismissed somebody.
constexpr double kToDismiss = 0.2;

[[noreturn]] void throw_suspended() {
  throw core::EnvironmentError(
      "The worker process is suspended again and again, and the tuner is not",
      "Let what sends it SIGSTOP be, and run the same command again: it goes on from here.");
}

class WorkerBench final : public Workbench {
 public:
  WorkerBench(WorkerLink& link, const core::GemmProblem& problem, const core::GroupDraw& draw,
              const Deadline& deadline, const Deadline& last_moment)
      : link_(link),
        problem_(problem),
        draw_(draw),
        model_(link.identity().device, core::rows_of_groups(problem, draw)),
        deadline_(deadline),
        last_moment_(last_moment) {
    prepare();
  }

  std::string reference() const override { return reference_; }
  std::string reference_note() const override { return note_; }

  Admission admit(core::Contender contender, const core::Cubin* cubin) override {
    Entry entry;
    entry.contender = contender;
    if (cubin != nullptr) entry.cubin = *cubin;
    const core::GemmConfig config =
        cubin != nullptr ? cubin->config : core::default_config(problem_, link_.identity().device);
    entry.patience_s = kPatience * kLaunches * model_.predict(problem_, config).total_us * 1e-6;
    const Admission admission = admit_there(entry);
    if (!admission.failure.empty()) return admission;
    entry.id = admission.id;
    entries_.emplace(next_id_, std::move(entry));
    return {next_id_++, ""};
  }

  void dismiss(int id) override {
    const auto found = entries_.find(id);
    if (found == entries_.end()) return;
    const int there = found->second.generation == generation_ ? found->second.id : -1;
    entries_.erase(found);
    if (there < 0 || !alive()) return;
    // A budget that is over is no reason to lose a worker that obeys.
    const double left_s = std::max(deadline_.seconds_left(), kToDismiss);
    link_.ask(Say::kDismiss, wire::pack(there), std::min(link_.limits().admit, left_s));
  }

  Check verify(int id) override {
    Entry& entry = entries_.at(id);
    for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
      if (const auto loss = bring_in(entry)) return failed(*loss);
      const Answer answer =
          ask(Say::kVerify, wire::pack(entry.id), link_.limits().verify + entry.patience_s, true);
      Check check;
      const auto loss = read(answer, check);
      if (!loss) return check;
      if (!loss->is_blameless) return failed(*loss);
    }
    throw_suspended();
  }

  using Workbench::end_by;
  void end_by(const Deadline& deadline, const Deadline& last_moment) override {
    deadline_ = deadline;
    last_moment_ = last_moment;
  }

  // Where a round is lost, each contender runs alone, so that the one at fault shows itself; where
  // it does so only beside others, beside more and more of them.
  Round round(std::span<const int> ids) override {
    for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
      std::optional<Casualty> casualty;
      if (const auto round = try_round(ids, casualty)) return *round;
      if (!casualty && last_loss_.is_blameless) continue;
      for (std::size_t i = 0; i < ids.size() && !casualty; ++i) {
        try_round(ids.subspan(i, 1), casualty);
      }
      if (casualty) return lost_to(*std::move(casualty));
    }
    if (last_loss_.is_blameless) throw_suspended();
    std::optional<Casualty> casualty = who_ends_it_beside_others(ids);
    if (casualty) return lost_to(*std::move(casualty));
    if (const auto round = try_round(ids, casualty)) return *round;
    throw core::EnvironmentError(
        "The worker process is lost again and again, though each kernel runs alone",
        "Check the GPU with nvidia-smi and dmesg, and see what ends processes on this machine.");
  }

 private:
  struct Entry {
    core::Contender contender = core::Contender::kCandidate;
    std::optional<core::Cubin> cubin;
    double patience_s = 0;
    int id = -1;         // in the worker
    int generation = 0;  // of the worker that it is in
  };

  static Check failed(const Loss& loss) {
    Check check;
    check.outcome = loss.outcome;
    check.detail = loss.detail;
    return check;
  }

  // What the GPU refuses is the contender's failure.
  Answer ask(Say say, const std::string& body, double limit_s, bool is_alone) {
    try {
      return is_alone ? link_.ask_for_one(say, body, limit_s, deadline_, last_moment_)
                      : link_.ask(say, body, limit_s, deadline_);
    } catch (const core::Error& error) {
      return {"", Loss{Outcome::kLaunchFailed, error.what(), false}};
    }
  }

  // Why there is no answer, or none that makes sense; else `values` are filled.
  template <typename... Values>
  std::optional<Loss> read(const Answer& answer, Values&... values) {
    if (answer.loss) return answer.loss;
    try {
      wire::unpack(answer.body, values...);
      return std::nullopt;
    } catch (const wire::Garbled&) {
      return link_.give_up();
    }
  }

  bool alive() const { return generation_ != 0 && generation_ == link_.generation(); }

  // A worker that has the problem before it.
  void prepare() {
    std::string detail;
    for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
      link_.start(deadline_);
      const Answer answer =
          link_.ask(Say::kPrepare, wire::pack(problem_, draw_), link_.limits().prepare, deadline_);
      const auto loss = read(answer, reference_, note_);
      generation_ = link_.generation();
      if (!loss) return;
      detail = loss->detail;
    }
    throw core::EnvironmentError(
        fmt::format("{} cannot be prepared: {}", core::to_string(problem_), detail),
        "Check the GPU with nvidia-smi; --no-isolation shows the failure itself.");
  }

  Admission admit_there(Entry& entry) {
    const core::Cubin none;
    const core::Cubin& cubin = entry.cubin ? *entry.cubin : none;
    for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
      if (!alive()) prepare();
      const Answer answer =
          link_.ask(Say::kAdmit, wire::pack(entry.contender, entry.cubin.has_value(), cubin),
                    link_.limits().admit, deadline_);
      Admission admission;
      const auto loss = read(answer, admission);
      if (loss && loss->is_blameless) continue;
      if (loss) return {-1, loss->detail, loss->outcome};
      if (admission.failure.empty()) {
        entry.id = admission.id;
        entry.generation = generation_;
      }
      return admission;
    }
    throw_suspended();
  }

  // Makes sure that the worker of now has it.
  std::optional<Loss> bring_in(Entry& entry) {
    if (!alive()) prepare();
    if (entry.generation == generation_) return std::nullopt;
    const Admission admission = admit_there(entry);
    if (admission.failure.empty()) return std::nullopt;
    return Loss{admission.outcome, admission.failure, false};
  }

  Round lost_to(Casualty casualty) {
    dismiss(casualty.id);
    Round lost;
    lost.casualty = std::move(casualty);
    return lost;
  }

  // Lets them join one by one, candidates last: without the default there is less of an answer. Who
  // ends the worker as it joins does so again, or something else ended it.
  std::optional<Casualty> who_ends_it_beside_others(std::span<const int> ids) {
    std::vector<int> order(ids.begin(), ids.end());
    std::ranges::stable_partition(
        order, [this](int id) { return entries_.at(id).contender != core::Contender::kCandidate; });
    const std::span<const int> all(order);
    for (std::size_t count = 2; count <= all.size(); ++count) {
      std::optional<Casualty> casualty;
      if (try_round(all.first(count), casualty)) continue;
      const bool runs_without = !casualty && try_round(all.first(count - 1), casualty).has_value();
      if (runs_without && !try_round(all.first(count), casualty) && !casualty &&
          !last_loss_.is_blameless) {
        return Casualty{all[count - 1], last_loss_.outcome,
                        "beside other kernels, " + last_loss_.detail};
      }
      if (casualty) return casualty;
    }
    return std::nullopt;
  }

  // nullopt where the worker was lost; a single contender is then the casualty.
  std::optional<Round> try_round(std::span<const int> ids, std::optional<Casualty>& casualty) {
    std::vector<int> there;
    double patience_s = 0;
    for (const int id : ids) {
      Entry& entry = entries_.at(id);
      if (const auto loss = bring_in(entry)) {
        casualty = Casualty{id, loss->outcome, loss->detail};
        return std::nullopt;
      }
      there.push_back(entry.id);
      patience_s += entry.patience_s;
    }
    const Answer answer =
        ask(Say::kRound, wire::pack(there), link_.limits().round + patience_s, ids.size() == 1);
    Round round;
    std::optional<Loss> loss = read(answer, round);
    if (!loss && round.times_us.size() != ids.size()) loss = link_.give_up();
    if (!loss) return round;
    last_loss_ = *loss;
    if (ids.size() == 1 && !loss->is_blameless) {
      casualty = Casualty{ids.front(), loss->outcome, loss->detail};
    }
    return std::nullopt;
  }

  WorkerLink& link_;
  core::GemmProblem problem_;
  core::GroupDraw draw_;
  CostModel model_;
  std::string reference_;
  std::string note_;
  int generation_ = 0;  // of the worker that has the problem before it
  std::map<int, Entry> entries_;
  int next_id_ = 0;
  Loss last_loss_{};  // of a round
  Deadline deadline_;
  Deadline last_moment_;  // for a kernel that runs alone
};

class WorkerExecutor final : public Executor {
 public:
  WorkerExecutor(const GpuIdentity& identity, WorkerOptions options)
      : identity_(identity), link_(identity_, std::move(options)) {}

  const core::DeviceInfo& device() const override { return identity_.device; }
  const core::Environment& environment() const override { return identity_.environment; }
  std::string policy() const override { return identity_.policy; }
  std::unique_ptr<Workbench> prepare(const core::GemmProblem& problem,
                                     const core::GroupDraw& draw) override {
    return std::make_unique<WorkerBench>(link_, problem, draw, deadline_, last_moment_);
  }
  using Executor::end_by;
  void end_by(const Deadline& deadline, const Deadline& last_moment) override {
    deadline_ = deadline;
    last_moment_ = last_moment;
  }

 private:
  GpuIdentity identity_;
  WorkerLink link_;
  Deadline deadline_;
  Deadline last_moment_;
};

}  // namespace

std::unique_ptr<Executor> make_worker_executor(const GpuIdentity& identity, WorkerOptions options) {
  return std::make_unique<WorkerExecutor>(identity, std::move(options));
}

}  // namespace deepgemm::autotune
