#include "app/db_command.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/coverage.h"
#include "app/db_machine.h"
#include "app/db_move.h"
#include "app/db_options.h"
#include "app/db_rematch.h"
#include "app/db_report.h"
#include "app/db_verify.h"
#include "app/diff_report.h"
#include "app/explanation.h"
#include "app/shape_parser.h"
#include "app/worker_mode.h"

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

core::ExitCode list(const CommonArguments& arguments, const Hardware& hardware,
                    spdlog::logger& log) {
  const Destination to = destination(arguments);
  const db::TuningDb database(database_path(arguments), db::OpenMode::kInspect);
  const WinnersReport report{arguments.command, database.path().string(), database.schema_version(),
                             database.winners(), look_at_machine(hardware).environment};
  warn_of_skipped_rows(database, log);
  if (report.winners.empty()) log.info("The database holds no winner yet.");
  deliver([&](Format format) { return render(report, format); }, to.format, to.files);
  return core::ExitCode::kDone;
}

core::ExitCode show(const DbArguments& arguments, const Hardware& hardware, spdlog::logger& log) {
  const Destination to = destination(arguments.common);
  const auto problems = collect_problems(arguments.shapes);
  const db::TuningDb database(database_path(arguments.common), db::OpenMode::kInspect);
  TrialsReport report{arguments.common.command,
                      database.path().string(),
                      database.schema_version(),
                      {},
                      look_at_machine(hardware).environment};
  std::vector<std::vector<db::TrialRow>> found;
  for (const auto& problem : problems) found.push_back(database.all_trials(problem));
  warn_of_skipped_rows(database, log);
  for (std::size_t i = 0; i < problems.size(); ++i) {
    const auto& problem = problems[i];
    auto& rows = found[i];
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

core::ExitCode explain_shapes(const DbArguments& arguments, const Hardware& hardware,
                              spdlog::logger& log) {
  const Destination to = destination(arguments.common);
  const auto problems = collect_problems(arguments.shapes);
  const db::TuningDb database(database_path(arguments.common), db::OpenMode::kInspect);
  const Machine machine = look_at_machine(hardware);
  const std::string kind = device_in_question(arguments.device, machine, database, log);
  const auto winners = database.winners();
  warn_of_skipped_rows(database, log);
  ExplainReport report{arguments.common.command, database.path().string(), {}};
  for (const auto& problem : problems) {
    report.explanations.push_back(
        explain(winners, problem, describe_device(machine, kind), environment_on(machine, kind)));
  }
  deliver([&](Format format) { return render(report, format); }, to.format, to.files);
  return core::ExitCode::kDone;
}

core::ExitCode cover_trace(const DbArguments& arguments, const Hardware& hardware,
                           spdlog::logger& log) {
  const Destination to = destination(arguments.common);
  const auto trace = read_traces(arguments.traces);
  const db::TuningDb database(database_path(arguments.common), db::OpenMode::kInspect);
  const Machine machine = look_at_machine(hardware);
  const std::string kind = device_in_question(arguments.device, machine, database, log);
  const auto winners = database.winners();
  warn_of_skipped_rows(database, log);
  warn_of_rows_passed_over(winners, environment_on(machine, kind), log);
  CoverageReport report = cover(winners, environment_on(machine, kind), trace);
  report.command = arguments.common.command;
  report.database = database.path().string();
  deliver([&](Format format) { return render(report, format); }, to.format, to.files);
  return core::ExitCode::kDone;
}

core::ExitCode diff(const DbArguments& arguments, const Hardware& hardware, spdlog::logger& log) {
  const Destination to = destination(arguments.common);
  const auto read = [&log](const std::string& path) {
    const db::TuningDb database(path, db::OpenMode::kInspect);
    auto winners = database.winners();
    warn_of_skipped_rows(database, log);
    return winners;
  };
  const auto before = read(arguments.files.at(0));
  const auto after = read(arguments.files.at(1));
  const core::Environment here = look_at_machine(hardware).environment;
  DiffReport report{arguments.common.command, arguments.files[0], arguments.files[1],
                    differences(before, after, here)};
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
      return show(arguments, hardware, log);
    case DbAction::kExplain:
      return explain_shapes(arguments, hardware, log);
    case DbAction::kCoverage:
      return cover_trace(arguments, hardware, log);
    case DbAction::kVerify:
      return verify_rows(arguments, hardware, terminal, log);
    case DbAction::kExport:
      return export_bundle(arguments, hardware, log);
    case DbAction::kImport:
      return import_bundle(arguments, log);
    case DbAction::kMerge:
      return merge_databases(arguments, log);
    case DbAction::kDiff:
      if (arguments.measure) return race_databases(arguments, hardware, terminal, log);
      return diff(arguments, hardware, log);
    case DbAction::kPrune:
      return prune_database(arguments, hardware, log);
  }
  return core::ExitCode::kUsage;
}

}  // namespace

int db_main(int argc, const char* const* argv, const Hardware& hardware) {
  if (is_worker(argc, argv)) return serve_as_worker(hardware);
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
