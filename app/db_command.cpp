#include "app/db_command.h"

#include <fmt/format.h>

#include "app/coverage.h"
#include "app/db_move.h"
#include "app/db_options.h"
#include "app/db_rematch.h"
#include "app/db_report.h"
#include "app/db_verify.h"
#include "app/diff_report.h"
#include "app/explanation.h"
#include "app/shape_parser.h"

namespace deepgemm::app {

namespace {

constexpr Format kFormats[] = {Format::kTable, Format::kCsv, Format::kJson};

// Form and files of the result, checked before the database is read.
struct Destination {
  Format format;
  std::vector<OutputFile> files;
};

Destination destination(const CommonArguments& arguments) {
  return {parse_format(arguments.format, kFormats), plan_outputs(arguments.output_files, kFormats)};
}

// This machine as far as it can be told without failing: its driver and the limits of its clocks
// where there is a GPU, and its kind where `device_id` is empty.
core::Environment environment_here(const std::string& device_id, const Hardware& hardware) {
  core::Environment here = base_environment("");
  here.device_id = device_id;
  try {
    const core::DeviceInfo device = hardware.read_device(0);
    if (!device_id.empty() && device.id != device_id) return here;
    core::describe(here, device);
    hardware.add_limits(here);
  } catch (const core::EnvironmentError&) {
    // No GPU: what is not known is not compared.
  }
  return here;
}

core::ExitCode list(const CommonArguments& arguments, const Hardware& hardware,
                    spdlog::logger& log) {
  const Destination to = destination(arguments);
  const db::TuningDb database(database_path(arguments), db::OpenMode::kInspect);
  const WinnersReport report{arguments.command, database.path().string(), database.schema_version(),
                             database.winners(), environment_here("", hardware)};
  if (report.winners.empty()) log.info("The database holds no winner yet.");
  deliver([&](Format format) { return render(report, format); }, to.format, to.files);
  return core::ExitCode::kDone;
}

core::ExitCode show(const DbArguments& arguments, const Hardware& hardware) {
  const Destination to = destination(arguments.common);
  const auto problems = collect_problems(arguments.shapes);
  const db::TuningDb database(database_path(arguments.common), db::OpenMode::kInspect);
  TrialsReport report{arguments.common.command,
                      database.path().string(),
                      database.schema_version(),
                      {},
                      environment_here("", hardware)};
  for (const auto& problem : problems) {
    auto rows = database.all_trials(problem);
    if (rows.empty()) {
      throw core::Error(
          core::ExitCode::kWorkFailed,
          fmt::format("'{}' has no trial of {}.", report.database, core::to_string(problem)),
          fmt::format("Tune it with 'deepgemm-tune {}', or see what there is with 'deepgemm-db "
                      "list'.",
                      core::command_text(problem)));
    }
    for (auto& row : rows) report.trials.push_back(std::move(row));
  }
  deliver([&](Format format) { return render(report, format); }, to.format, to.files);
  return core::ExitCode::kDone;
}

// What default_config needs of a kind of GPU that need not be here.
core::DeviceInfo describe_device(const std::string& id) {
  const core::DeviceInfo* profile = core::find_device_profile(id);
  core::DeviceInfo device = profile != nullptr ? *profile : core::device_profiles().front();
  device.id = id;
  return device;
}

core::ExitCode explain_shapes(const DbArguments& arguments, const Hardware& hardware) {
  const Destination to = destination(arguments.common);
  const auto problems = collect_problems(arguments.shapes);
  const db::TuningDb database(database_path(arguments.common), db::OpenMode::kInspect);
  // A GPU that the database does not know is a fair question; which one is meant must be clear.
  const std::string device = arguments.device.empty() ? device_of(database, "") : arguments.device;
  const auto winners = database.winners();
  const core::Environment here = environment_here(device, hardware);
  ExplainReport report{arguments.common.command, database.path().string(), {}};
  for (const auto& problem : problems) {
    report.explanations.push_back(explain(winners, problem, describe_device(device), here));
  }
  deliver([&](Format format) { return render(report, format); }, to.format, to.files);
  return core::ExitCode::kDone;
}

core::ExitCode cover_trace(const DbArguments& arguments, const Hardware& hardware) {
  const Destination to = destination(arguments.common);
  const auto trace = read_trace(arguments.trace);
  const db::TuningDb database(database_path(arguments.common), db::OpenMode::kInspect);
  const std::string device = arguments.device.empty() ? device_of(database, "") : arguments.device;
  const auto winners = database.winners();
  CoverageReport report = cover(winners, environment_here(device, hardware), trace);
  report.command = arguments.common.command;
  report.database = database.path().string();
  deliver([&](Format format) { return render(report, format); }, to.format, to.files);
  return core::ExitCode::kDone;
}

core::ExitCode diff(const DbArguments& arguments, const Hardware& hardware) {
  const Destination to = destination(arguments.common);
  const auto read = [](const std::string& path) {
    return db::TuningDb(path, db::OpenMode::kInspect).winners();
  };
  const auto before = read(arguments.files.at(0));
  const auto after = read(arguments.files.at(1));
  DiffReport report{arguments.common.command, arguments.files[0], arguments.files[1],
                    differences(before, after, environment_here("", hardware))};
  std::size_t kept = count_answers(after);
  for (const auto& line : report.lines) kept -= line.after != nullptr ? 1 : 0;
  report.unchanged = kept;
  deliver([&](Format format) { return render(report, format); }, to.format, to.files);
  return core::ExitCode::kDone;
}

core::ExitCode run(const DbArguments& arguments, const Hardware& hardware, Terminal& terminal,
                   spdlog::logger& log) {
  switch (arguments.action) {
    case DbAction::kList:
      return list(arguments.common, hardware, log);
    case DbAction::kShow:
      return show(arguments, hardware);
    case DbAction::kExplain:
      return explain_shapes(arguments, hardware);
    case DbAction::kCoverage:
      return cover_trace(arguments, hardware);
    case DbAction::kVerify:
      return verify_rows(arguments, hardware, terminal, log);
    case DbAction::kExport:
      return export_bundle(arguments, hardware, log);
    case DbAction::kImport:
      return import_bundle(arguments);
    case DbAction::kMerge:
      return merge_databases(arguments);
    case DbAction::kDiff:
      if (arguments.measure) return race_databases(arguments, hardware, terminal, log);
      return diff(arguments, hardware);
    case DbAction::kPrune:
      return prune_database(arguments);
  }
  return core::ExitCode::kUsage;
}

}  // namespace

int db_main(int argc, const char* const* argv, const Hardware& hardware) {
  Terminal terminal(stderr, look_at(stderr));
  return run_guarded(terminal, [&] {
    const auto arguments = parse_db_arguments(argc, argv);
    if (!arguments) return core::ExitCode::kDone;
    terminal.set_quiet(arguments->common.quiet);
    const auto log = make_logger(terminal, verbosity(arguments->common));
    return run(*arguments, hardware, terminal, *log);
  });
}

}  // namespace deepgemm::app
