#include "app/tune_fleet.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <iterator>
#include <mutex>
#include <thread>

#include "app/locked_store.h"
#include "app/time_budget.h"
#include "app/tune_progress.h"

namespace deepgemm::app {

namespace {

using Clock = autotune::Deadline::Clock;

class Fleet {
 public:
  Fleet(const TuneRequest& request, TuneSession& session, Terminal& terminal, spdlog::logger& log,
        Clock::time_point start, const std::atomic<bool>& stop)
      : request_(request),
        session_(session),
        terminal_(terminal),
        log_(log),
        stop_(stop),
        store_(*session.database),
        budget_(request.options.budget_seconds, start),
        working_(session.gpus.size()),
        healthy_(session.gpus.size()),
        own_(session.gpus.size()),
        outcomes_(request.problems.size()),
        left_(request.problems.size()) {
    for (std::size_t i = 0; i < request.problems.size(); ++i) {
      const auto gpu = gpu_that_knows(request.problems[i]);
      (gpu ? own_[*gpu] : anyones_).push_back(i);
    }
  }

  // On one GPU in the calling thread.
  void run(TuneReport& report) {
    if (session_.gpus.size() == 1) {
      run_on(0);
    } else {
      std::vector<std::thread> threads;
      for (std::size_t gpu = 0; gpu < session_.gpus.size(); ++gpu) {
        threads.emplace_back([this, gpu] { run_on(gpu); });
      }
      for (std::thread& thread : threads) thread.join();
    }
    for (std::optional<ShapeOutcome>& each : outcomes_) {
      if (each) report.shapes.push_back(*std::move(each));
    }
    report.interrupted = interrupted_;
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  // Rows belong to the GPU that made them: another one would begin the shape anew, as --force does
  // on any.
  std::optional<std::size_t> gpu_that_knows(const core::GemmProblem& problem) const {
    if (session_.gpus.size() == 1) return 0;
    if (request_.options.force) return std::nullopt;
    for (const bool begun : {false, true}) {
      for (std::size_t gpu = 0; gpu < session_.gpus.size(); ++gpu) {
        const core::Environment& environment = session_.gpus[gpu].environment;
        const bool knows = begun ? !store_.trials(problem, environment).empty()
                                 : stored_winner(problem, environment).has_value();
        if (knows) return gpu;
      }
    }
    return std::nullopt;
  }

  std::optional<core::Winner> stored_winner(const core::GemmProblem& problem,
                                            const core::Environment& environment) const {
    return store_.winner(problem, environment,
                         core::unusual_rows(problem, request_.options.draws.of(problem)));
  }

  struct Turn {
    std::size_t shape;
    double budget_seconds;
    std::optional<std::size_t> then;  // the shape that comes next, as far as that is known
    bool is_first;
  };

  // Waits while others are at work: one that fails leaves its shapes to the rest.
  std::optional<Turn> next(std::size_t gpu) {
    std::unique_lock lock(mutex_);
    const auto has_shape = [&] { return !own_[gpu].empty() || !anyones_.empty(); };
    leave_work();
    changed_.wait(lock, [&] { return has_shape() || working_ == 0; });
    if (!has_shape()) return std::nullopt;
    ++working_;
    std::deque<std::size_t>& queue = own_[gpu].empty() ? anyones_ : own_[gpu];
    const std::size_t shape = queue.front();
    queue.pop_front();
    const std::deque<std::size_t>& after = own_[gpu].empty() ? anyones_ : own_[gpu];
    const bool is_first = left_ == request_.problems.size();
    // The one just taken is its own, or there were none.
    const std::size_t turns = turns_of(own_[gpu].size() + 1, left_--, healthy_);
    return Turn{shape, budget_.share(turns),
                after.empty() ? std::nullopt : std::optional(after.front()), is_first};
  }

  void leave_work() {
    --working_;
    changed_.notify_all();
  }

  void run_on(std::size_t index) {
    TuneSession::Gpu& gpu = session_.gpus[index];
    const std::string where = session_.gpus.size() == 1 ? "" : fmt::format("GPU {}: ", gpu.ordinal);
    std::optional<Turn> turn;
    try {
      TuneProgress progress(terminal_, log_, request_.problems.size(), where);
      autotune::Tuner tuner(gpu.device, gpu.environment, request_.space, *session_.builder.kernels,
                            *session_.pool, gpu.executor.get(), store_, request_.options, progress,
                            stop_);
      while ((turn = next(index))) {
        progress.start_shape(turn->shape);
        ShapeOutcome outcome = tune(*turn, tuner);
        terminal_.milestone(progress.position() + headline(outcome));
        outcomes_[turn->shape] = std::move(outcome);
      }
    } catch (const autotune::Interrupted&) {
      interrupted_ = true;
      const std::lock_guard lock(mutex_);
      leave_work();
    } catch (const core::Error& error) {
      fail(index, turn,
           std::make_exception_ptr(
               core::Error(error.code(), where + error.what(), error.next_step())));
    } catch (...) {
      fail(index, turn, std::current_exception());
    }
    // Its worker process dies with this thread; this way it is asked to leave first.
    if (session_.gpus.size() > 1) gpu.executor.reset();
  }

  // What a GPU that failed has not answered is anyone's.
  void fail(std::size_t gpu, const std::optional<Turn>& turn, const std::exception_ptr& failure) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = failure;
    --healthy_;
    if (turn) {
      anyones_.push_front(turn->shape);
      ++left_;
    }
    std::ranges::copy(own_[gpu], std::back_inserter(anyones_));
    own_[gpu].clear();
    leave_work();
  }

  ShapeOutcome tune(const Turn& turn, autotune::Tuner& tuner) {
    const core::GemmProblem& problem = request_.problems[turn.shape];
    tuner.set_budget(turn.budget_seconds, budget_.last_moment(turn.is_first));
    return outcome_of(tuner.run(problem, turn.then ? &request_.problems[*turn.then] : nullptr));
  }

  const TuneRequest& request_;
  TuneSession& session_;
  Terminal& terminal_;
  spdlog::logger& log_;
  const std::atomic<bool>& stop_;
  LockedStore store_;
  const TimeBudget budget_;
  std::mutex mutex_;  // of what is below
  std::condition_variable changed_;
  std::size_t working_;  // GPUs that neither wait for a shape nor have ended
  std::size_t healthy_;  // that have not failed
  std::vector<std::deque<std::size_t>> own_;
  std::deque<std::size_t> anyones_;
  std::vector<std::optional<ShapeOutcome>> outcomes_;  // each written by one thread
  std::size_t left_;
  std::exception_ptr failure_;
  std::atomic<bool> interrupted_{false};
};

}  // namespace

void tune_shapes(const TuneRequest& request, TuneSession& session, Terminal& terminal,
                 spdlog::logger& log, Clock::time_point start, const std::atomic<bool>& stop,
                 TuneReport& report) {
  Fleet(request, session, terminal, log, start, stop).run(report);
}

}  // namespace deepgemm::app
