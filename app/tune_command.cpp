#include "app/tune_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "app/db_machine.h"
#include "app/interrupt.h"
#include "app/presets.h"
#include "app/text.h"
#include "app/tune_fleet.h"
#include "app/tune_probe.h"
#include "app/tune_report.h"
#include "app/tune_session.h"
#include "app/worker_mode.h"

namespace deepgemm::app {

namespace {

using Clock = autotune::Deadline::Clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

TuneReport start_report(const TuneRequest& request, const TuneSession& session) {
  TuneReport report;
  report.command = request.command;
  report.database = request.database.string();
  report.device = session.device;
  report.environment = session.environment;
  const autotune::Executor* executor = session.gpus.front().executor.get();
  if (executor != nullptr) report.policy = executor->policy();
  report.shapes_asked = request.problems.size();
  return report;
}

// Of a shard without shapes: no device is opened for it.
TuneReport report_of_nothing(const TuneRequest& request) {
  TuneReport report;
  report.command = request.command;
  report.database = request.database.string();
  return report;
}

// With --force the same command measures everything anew, and without it older rows answer for
// what this call did not reach: neither goes on where it ended.
std::string next_step(const std::vector<std::string>& command) {
  if (std::ranges::find(command, "--force") == command.end()) {
    return "To resume, run: " + shell_line(command);
  }
  return "Shapes that --force did not reach keep their older rows; name those alone to measure "
         "them "
         "anew, or all of them with: " +
         shell_line(command);
}

core::ExitCode say_interrupted(const TuneReport& report, Terminal& terminal, spdlog::logger& log) {
  log.warn("Interrupted; {} of {} and all finished trials are stored in '{}'.",
           report.shapes.size(), counted(static_cast<long long>(report.shapes_asked), "shape"),
           report.database);
  terminal.print(Colour::kGreen, "next: ", next_step(report.command));
  return core::ExitCode::kInterrupted;
}

// While the driver was opened: nothing was begun, and it may go on for ever.
[[noreturn]] void leave_opening(core::ExitCode code) {
  std::fflush(nullptr);
  std::_Exit(static_cast<int>(code));
}

TuneSession open_in_time(const TuneRequest& request, const Hardware& hardware,
                         Clock::time_point start, Terminal& terminal, spdlog::logger& log,
                         const std::atomic<bool>& stop) {
  const autotune::Deadline budget(start, request.options.budget_seconds);
  try {
    return open_session(request, hardware, log, stop, budget.later(autotune::kGraceSeconds));
  } catch (const autotune::Interrupted&) {
    log.warn("Interrupted before the first shape.");
    terminal.print(Colour::kGreen, "next: ", next_step(request.command));
    leave_opening(core::ExitCode::kInterrupted);
  } catch (const autotune::OutOfTime&) {
    const core::Error error(core::ExitCode::kWorkFailed,
                            "The budget ran out while the GPU's driver was opening.",
                            "Run again with a larger --budget; nvidia-smi shows whether the driver "
                            "answers at all.");
    print_error(terminal, error);
    leave_opening(error.code());
  }
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
  if (const auto twins = std::ranges::count_if(report.shapes, &ShapeOutcome::of_twin); twins > 0) {
    log.info("{} {} tuned on another GPU of this kind; --force measures on this one.",
             counted(twins, "shape"), twins == 1 ? "was" : "were");
  }
  if (skipped > 0) {
    log.warn("The budget ran out before {}; the same command goes on from here.",
             counted(skipped, "shape"));
  }
  if (const auto stand = with(ShapeStatus::kStands); stand > 0) {
    log.warn(
        "The budget left no time to compare the stored {} of {} with anything: {}. Run again with "
        "a larger --budget.",
        stand == 1 ? "winner" : "winners", counted(stand, "shape"),
        stand == 1 ? "it stands" : "they stand");
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
  session.gpus.clear();
  session.database.reset();
  std::fflush(nullptr);
  std::_Exit(static_cast<int>(code));
}

// An interrupted call that failed before says both.
void rethrow(const std::exception_ptr& failure, bool interrupted, Terminal& terminal) {
  try {
    std::rethrow_exception(failure);
  } catch (const core::Error& error) {
    if (!interrupted) throw;
    print_error(terminal, error);
  }
}

core::ExitCode conclude(const TuneReport& report, TuneSession& session,
                        const std::exception_ptr& failure, Terminal& terminal,
                        spdlog::logger& log) {
  try {
    if (failure) rethrow(failure, report.interrupted, terminal);
    const core::ExitCode code =
        report.interrupted ? say_interrupted(report, terminal, log) : verdict(report, log);
    leave_if_compiling(session, code);
    return code;
  } catch (const core::Error& error) {
    if (!session.pool->busy()) throw;
    print_error(terminal, error);
    leave_if_compiling(session, error.code());
    return error.code();  // it ended meanwhile
  }
}

core::ExitCode tune(const TuneRequest& request, const Hardware& hardware, Terminal& terminal,
                    spdlog::logger& log) {
  const auto start = Clock::now();
  if (request.shard.count > 1) {
    log.info("Shard {} of {} ({}), counted from 0: {}, into '{}'.", request.shard.index,
             request.shard.count, request.shard.source,
             counted(std::ssize(request.problems), "shape"), request.database.string());
  }
  if (request.problems.empty()) {
    log.info("Nothing to do: there are fewer shapes than shards.");
    deliver([report = report_of_nothing(request)](Format format) { return render(report, format); },
            painted(request.format), request.outputs);
    return core::ExitCode::kDone;
  }
  const InterruptGuard interrupt;
  TuneSession session = open_in_time(request, hardware, start, terminal, log, interrupt.stop());
  TuneReport report = start_report(request, session);
  std::exception_ptr failure;
  try {
    tune_shapes(request, session, terminal, log, start, interrupt.stop(), report);
    if (request.probe && !report.interrupted) {
      probe_families(request, session, terminal, log,
                     autotune::Deadline(start, request.options.budget_seconds), interrupt.stop());
    }
  } catch (const autotune::Interrupted&) {
    report.interrupted = true;
  } catch (const std::exception&) {
    failure = std::current_exception();  // after the shapes that were finished are shown
  }
  warn_of_skipped_rows(*session.database, log);
  report.seconds = seconds_since(start);
  if (!failure || !report.shapes.empty()) {
    deliver([&](Format format) { return render(report, format); }, painted(request.format),
            request.outputs);
  }
  return conclude(report, session, failure, terminal, log);
}

core::ExitCode dry_run(const TuneRequest& request, const Hardware& hardware) {
  DryRunReport report{request.command, find_device(request, hardware), {}};
  require_fit(request.problems, request.options.draws, report.device);
  for (const auto& problem : request.problems) {
    report.shapes.push_back(
        {problem, summarise(autotune::make_plan(problem, request.space, report.device,
                                                request.options.draws.of(problem)))});
  }
  deliver([&](Format format) { return render(report, format); }, request.format, request.outputs);
  return core::ExitCode::kDone;
}

}  // namespace

int tune_main(int argc, const char* const* argv, const Hardware& hardware) {
  if (is_worker(argc, argv)) return serve_as_worker(hardware);
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
