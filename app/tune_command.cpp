#include "app/tune_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "app/interrupt.h"
#include "app/presets.h"
#include "app/text.h"
#include "app/tune_progress.h"
#include "app/tune_report.h"
#include "app/tune_session.h"
#include "autotune/worker_process.h"
#include "autotune/worker_server.h"

namespace deepgemm::app {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// --budget, shared out evenly over the shapes that are left.
class Budget {
 public:
  Budget(double seconds, Clock::time_point start) : seconds_(seconds), start_(start) {}

  bool spent() const { return seconds_ > 0 && seconds_since(start_) >= seconds_; }

  // Seconds for one of `shapes_left`; 0 where there is no budget.
  double share(std::size_t shapes_left) const {
    if (seconds_ <= 0) return 0;
    constexpr double kLeast = 1e-3;  // 0 would mean no budget
    const double left = seconds_ - seconds_since(start_);
    return std::max(left / static_cast<double>(shapes_left), kLeast);
  }

 private:
  double seconds_;
  Clock::time_point start_;
};

ShapeOutcome skipped(const core::GemmProblem& problem) {
  ShapeOutcome outcome;
  outcome.problem = problem;
  outcome.status = ShapeStatus::kSkipped;
  outcome.why = "the budget ran out before this shape";
  outcome.budget_ran_out = true;
  return outcome;
}

ShapeOutcome tune_shape(const core::GemmProblem& problem, const TuneRequest& request,
                        TuneSession& session, double budget_seconds, TuneProgress& progress,
                        const std::atomic<bool>& stop) {
  auto options = request.options;
  options.budget_seconds = budget_seconds;
  autotune::Tuner tuner(session.device, session.environment, request.space,
                        *session.builder.kernels, *session.pool, session.executor.get(),
                        *session.database, options, progress, stop);
  return outcome_of(tuner.run(problem));
}

// Tunes shape after shape into `report`, which stays valid at whatever point this is left by an
// exception. Sets report.interrupted on Ctrl-C.
void tune_shapes(const TuneRequest& request, TuneSession& session, Terminal& terminal,
                 spdlog::logger& log, const std::atomic<bool>& stop, TuneReport& report) {
  const Budget budget(request.options.budget_seconds, Clock::now());
  TuneProgress progress(terminal, log, request.problems.size());
  try {
    for (std::size_t i = 0; i < request.problems.size(); ++i) {
      const core::GemmProblem& problem = request.problems[i];
      progress.start_shape(i);
      if (budget.spent() && !session.database->winner(problem, session.environment)) {
        report.shapes.push_back(skipped(problem));
      } else {
        report.shapes.push_back(tune_shape(
            problem, request, session, budget.share(request.problems.size() - i), progress, stop));
      }
      terminal.milestone(progress.position() + headline(report.shapes.back()));
    }
  } catch (const autotune::Interrupted&) {
    report.interrupted = true;
  }
}

TuneReport start_report(const TuneRequest& request, const TuneSession& session) {
  TuneReport report;
  report.command = request.command;
  report.database = request.database.string();
  report.device = session.device;
  report.environment = session.environment;
  if (session.executor) report.policy = session.executor->policy();
  report.shapes_asked = request.problems.size();
  return report;
}

// --force would throw away what the interrupted call has measured.
std::string resume_command(std::vector<std::string> command) {
  std::erase(command, "--force");
  return shell_line(command);
}

core::ExitCode say_interrupted(const TuneReport& report, Terminal& terminal, spdlog::logger& log) {
  log.warn("Interrupted; {} of {} and all finished trials are stored in '{}'.",
           report.shapes.size(), counted(static_cast<long long>(report.shapes_asked), "shape"),
           report.database);
  terminal.print(Colour::kGreen, "next: ", "To resume, run: " + resume_command(report.command));
  return core::ExitCode::kInterrupted;
}

// Says what the table does not. Throws Error where a shape ended without a usable answer.
core::ExitCode verdict(const TuneReport& report, spdlog::logger& log) {
  const auto with = [&](ShapeStatus status) {
    return std::ranges::count(report.shapes, status, &ShapeOutcome::status);
  };
  const auto all = std::ssize(report.shapes);
  const auto skipped = with(ShapeStatus::kSkipped);
  const auto lost = with(ShapeStatus::kNoWinner);
  if (with(ShapeStatus::kResumed) == all) {
    log.info("Nothing to do: '{}' already answers {}. --force measures anew.", report.database,
             counted(all, "shape"));
  }
  if (skipped > 0) {
    log.warn("The budget ran out before {}; the same command goes on from here.",
             counted(skipped, "shape"));
  }
  if (lost > 0) {
    throw core::Error(core::ExitCode::kWorkFailed,
                      fmt::format("{} ended without a verified winner.", counted(lost, "shape")),
                      "Look at the column 'why', and run again with --verbose to see every trial.");
  }
  if (skipped == all) {
    throw core::Error(core::ExitCode::kWorkFailed, "The budget ran out before the first shape.",
                      "Run again with a larger --budget.");
  }
  return core::ExitCode::kDone;
}

// Kernels that are compiling cannot be stopped. Where the call ended early nobody waits for them:
// everything is stored and said.
void leave_if_compiling(TuneSession& session, core::ExitCode code) {
  if (!session.pool->busy()) return;
  session.executor.reset();
  session.database.reset();
  std::fflush(nullptr);
  std::_Exit(static_cast<int>(code));
}

core::ExitCode tune(const TuneRequest& request, const Hardware& hardware, Terminal& terminal,
                    spdlog::logger& log) {
  const auto start = Clock::now();
  const InterruptGuard interrupt;
  TuneSession session = open_session(request, hardware, log, interrupt.stop());
  TuneReport report = start_report(request, session);
  std::exception_ptr failure;
  try {
    tune_shapes(request, session, terminal, log, interrupt.stop(), report);
  } catch (const std::exception&) {
    failure = std::current_exception();  // after the shapes that were finished are shown
  }
  report.seconds = seconds_since(start);
  if (!failure || !report.shapes.empty()) {
    deliver([&](Format format) { return render(report, format); }, painted(request.format),
            request.outputs);
  }
  if (failure) std::rethrow_exception(failure);
  const core::ExitCode code =
      report.interrupted ? say_interrupted(report, terminal, log) : verdict(report, log);
  leave_if_compiling(session, code);
  return code;
}

core::ExitCode dry_run(const TuneRequest& request, const Hardware& hardware) {
  DryRunReport report{request.command, find_device(request, hardware), {}};
  require_fit(request.problems, report.device);
  for (const auto& problem : request.problems) {
    report.shapes.push_back(
        {problem, summarise(autotune::make_plan(problem, request.space, report.device))});
  }
  deliver([&](Format format) { return render(report, format); }, request.format, request.outputs);
  return core::ExitCode::kDone;
}

}  // namespace

int tune_main(int argc, const char* const* argv, const Hardware& hardware) {
  if (argc == 2 && std::string_view(argv[1]) == autotune::kWorkerArgument) {
    autotune::serve_worker(hardware.open_gpu);
    return static_cast<int>(core::ExitCode::kDone);
  }
  Terminal terminal(stderr, look_at(stderr));
  return run_guarded(terminal, [&] {
    const auto arguments = parse_tune_arguments(argc, argv);
    if (!arguments) return core::ExitCode::kDone;
    if (arguments->shapes.preset == "list") {
      write_stdout(describe_presets());
      return core::ExitCode::kDone;
    }
    terminal.set_quiet(arguments->common.quiet);
    const auto log = make_logger(terminal, verbosity(arguments->common));
    const TuneRequest request = resolve(*arguments);
    if (request.dry_run) return dry_run(request, hardware);
    return tune(request, hardware, terminal, *log);
  });
}

}  // namespace deepgemm::app
