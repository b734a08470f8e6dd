#include "app/bench_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>

#include "app/bench_options.h"
#include "app/bench_report.h"
#include "app/db_machine.h"
#include "app/interrupt.h"
#include "app/json_report.h"
#include "app/kernel_source.h"
#include "app/presets.h"
#include "app/text.h"
#include "app/time_left.h"
#include "app/tune_options.h"
#include "autotune/ceilings.h"
#include "autotune/interrupt.h"
#include "core/default_config.h"

namespace deepgemm::app {

namespace {

// Samples of each shape that gives the rate of the tensor cores: they spread by 3 %.
constexpr int kRateRounds = 11;

// nullptr where the default database does not exist yet: then defaults are measured.
std::unique_ptr<db::TuningDb> open_database(const BenchRequest& request, spdlog::logger& log) {
  std::error_code ignored;
  if (!request.database_named && !std::filesystem::exists(request.database, ignored)) {
    log.warn("There is no database '{}': untuned defaults are measured.",
             request.database.string());
    return nullptr;
  }
  return std::make_unique<db::TuningDb>(request.database, db::OpenMode::kInspect);
}

Choice choose(const BenchRequest& request, const core::GemmProblem& problem,
              const autotune::Executor& executor, const KernelSource& source) {
  const core::DeviceInfo& device = executor.device();
  if (!request.config) return source.choose(problem, device, executor.environment());
  core::GemmConfig config = *request.config;
  config.operation = core::kernel_operation(problem.operation);
  if (const auto why = core::why_illegal(config, device.shared_bytes_per_block)) {
    throw core::UsageError(
        fmt::format("No kernel for {} can have this config: {}.", core::to_string(problem), *why),
        "Give --config smaller tiles or fewer stages.");
  }
  return {"config", "chosen by --config", config, source.stored_key(problem, config, device)};
}

// The driver's advice for tuning without a GPU is no help here: nothing can be measured.
template <typename Open>
auto with_gpu(const Open& open) {
  try {
    return open();
  } catch (const core::EnvironmentError& error) {
    if (error.next_step().find("--device") == std::string::npos) throw;
    throw core::EnvironmentError(error.what(),
                                 "Run on a machine with an NVIDIA Hopper GPU and its driver; "
                                 "'deepgemm-tune --dry-run --device h100-sxm5' predicts without "
                                 "one.");
  }
}

// The kernel of the untuned default, or why it cannot race.
struct Fallback {
  std::optional<core::Cubin> cubin;
  std::string failure;
};

Fallback get_fallback(const core::GemmProblem& problem, const core::DeviceInfo& device,
                      KernelSource& source) {
  const core::GemmConfig config = core::default_config(problem, device);
  try {
    return {source.get(config, source.stored_key(problem, config, device)), ""};
  } catch (const core::Error& error) {
    return {std::nullopt, error.what()};
  }
}

// Replaces the default's entry by the reason why it did not race.
void leave_out_default(autotune::BenchmarkRow& row, const std::string& failure) {
  for (auto& entry : row.entries) {
    if (entry.contender != core::Contender::kDefault) continue;
    entry = {};
    entry.contender = core::Contender::kDefault;
    entry.failure = failure;
  }
}

BenchLine bench_shape(const core::GemmProblem& problem, const BenchRequest& request,
                      autotune::Executor& executor, KernelSource& source, spdlog::logger& log,
                      const std::atomic<bool>& stop) {
  Choice choice = choose(request, problem, executor, source);
  const core::Cubin candidate = source.get(choice.config, choice.kernel_key);
  choice.kernel_key = candidate.key;
  const Fallback fallback = get_fallback(problem, executor.device(), source);
  if (!fallback.cubin) {
    log.warn("{}: the untuned default is left out: {}", core::to_string(problem), fallback.failure);
  }
  // Rounds need an opponent; without a default the candidate stands in and its entry is dropped.
  auto row = autotune::run_benchmark(executor, problem, candidate,
                                     fallback.cubin ? *fallback.cubin : candidate,
                                     {request.rounds, request.draws.of(problem)}, stop);
  if (!fallback.cubin) leave_out_default(row, fallback.failure);
  if (!row.reference_note.empty()) {
    log.info("{}: {}", core::to_string(problem), row.reference_note);
  }
  return {std::move(choice), std::move(row), executor.processes()};
}

BenchReport start_report(const BenchRequest& request, const autotune::Executor& executor,
                         const db::TuningDb* database) {
  BenchReport report;
  report.command = request.command;
  if (database != nullptr) report.database = request.database.string();
  report.device = executor.device();
  report.environment = executor.environment();
  report.policy = executor.policy();
  report.rounds = request.rounds;
  return report;
}

void bench_shapes(const BenchRequest& request, autotune::Executor& executor, KernelSource& source,
                  Terminal& terminal, spdlog::logger& log, const std::atomic<bool>& stop,
                  BenchReport& report) {
  const std::size_t count = request.problems.size();
  constexpr int kBarWidth = 24;
  try {
    terminal.progress("measure the rate of the tensor cores");
    report.tensor_tflops = autotune::measure_tensor_rate(executor, kRateRounds, stop);
    const TimeLeft left(count);
    for (std::size_t i = 0; i < count; ++i) {
      if (stop) throw autotune::Interrupted();
      const std::string position = fmt::format("[{}/{}] ", i + 1, count);
      const std::string bar =
          terminal.traits().live
              ? progress_bar(static_cast<int>(i), static_cast<int>(count), kBarWidth) + " "
              : std::string();
      terminal.progress(fmt::format("{}{}{} measure{}", position, bar,
                                    to_string(request.problems[i]), left.text(i)));
      report.lines.push_back(
          bench_shape(request.problems[i], request, executor, source, log, stop));
      terminal.milestone(position + headline(report.lines.back()));
    }
  } catch (const autotune::Interrupted&) {
    report.interrupted = true;
  }
}

core::ExitCode verdict(const BenchReport& report, const BenchRequest& request, Terminal& terminal,
                       spdlog::logger& log) {
  if (report.interrupted) {
    log.warn("Interrupted after {} of {}.", report.lines.size(),
             counted(std::ssize(request.problems), "shape"));
    terminal.print(Colour::kGreen, "next: ", "To measure all, run: " + shell_line(report.command));
    return core::ExitCode::kInterrupted;
  }
  const auto wrong = std::ranges::count_if(
      report.lines, [](const BenchLine& line) { return !fault(line).empty(); });
  if (wrong == 0) return core::ExitCode::kDone;
  throw core::Error(core::ExitCode::kWorkFailed, fmt::format("{} failed.", counted(wrong, "shape")),
                    "The lines below the table say how; tune these shapes again with --force.");
}

core::ExitCode bench(const BenchRequest& request, const Hardware& hardware, Terminal& terminal,
                     spdlog::logger& log) {
  const InterruptGuard interrupt;
  require_fit(request.problems, request.draws,
              with_gpu([&] { return hardware.read_device(request.gpu); }));
  const auto database = open_database(request, log);
  const auto executor =
      with_gpu([&] { return hardware.open_gpu(request.gpu, base_environment("")); });
  KernelSource source(database.get(), hardware, request.cache_folder);
  BenchReport report = start_report(request, *executor, database.get());
  std::exception_ptr failure;
  try {
    bench_shapes(request, *executor, source, terminal, log, interrupt.stop(), report);
  } catch (const std::exception&) {
    failure = std::current_exception();  // after the shapes that were measured are shown
  }
  if (database != nullptr) warn_of_skipped_rows(*database, log);
  report.written_at = now_utc();
  if (!failure || !report.lines.empty()) {
    deliver([&](Format format) { return render(report, format); }, painted(request.format),
            request.outputs);
  }
  if (failure) std::rethrow_exception(failure);
  return verdict(report, request, terminal, log);
}

}  // namespace

int bench_main(int argc, const char* const* argv, const Hardware& hardware) {
  Terminal terminal(stderr, look_at(stderr));
  return run_guarded(terminal, [&] {
    const auto arguments = parse_bench_arguments(argc, argv);
    if (!arguments) return core::ExitCode::kDone;
    if (arguments->shapes.preset == "list") {
      write_stdout(describe_presets());
      return core::ExitCode::kDone;
    }
    terminal.set_quiet(arguments->common.quiet);
    const auto log = make_logger(terminal, verbosity(arguments->common));
    return bench(resolve(*arguments), hardware, terminal, *log);
  });
}

}  // namespace deepgemm::app
