#include "app/db_command.h"

#include <fmt/format.h>

#include "app/db_options.h"
#include "app/db_report.h"
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

core::ExitCode list(const CommonArguments& arguments, spdlog::logger& log) {
  const Destination to = destination(arguments);
  const db::TuningDb database(database_path(arguments), db::OpenMode::kReadOnly);
  const WinnersReport report{arguments.command, database.path().string(), database.schema_version(),
                             database.winners()};
  if (report.winners.empty()) log.info("The database holds no winner yet.");
  deliver([&](Format format) { return render(report, format); }, to.format, to.files);
  return core::ExitCode::kDone;
}

core::ExitCode show(const DbArguments& arguments) {
  const Destination to = destination(arguments.common);
  ShapeArguments shapes;
  shapes.shapes = arguments.shapes;
  const auto problems = collect_problems(shapes);
  const db::TuningDb database(database_path(arguments.common), db::OpenMode::kReadOnly);
  TrialsReport report{
      arguments.common.command, database.path().string(), database.schema_version(), {}};
  for (const auto& problem : problems) {
    auto rows = database.all_trials(problem);
    if (rows.empty()) {
      throw core::Error(
          core::ExitCode::kWorkFailed,
          fmt::format("'{}' has no trial of {}.", report.database, core::to_string(problem)),
          fmt::format("Tune it with 'deepgemm-tune {}', or see what there is with 'deepgemm-db "
                      "list'.",
                      core::to_string(problem)));
    }
    for (auto& row : rows) report.trials.push_back(std::move(row));
  }
  deliver([&](Format format) { return render(report, format); }, to.format, to.files);
  return core::ExitCode::kDone;
}

}  // namespace

int db_main(int argc, const char* const* argv) {
  Terminal terminal(stderr, look_at(stderr));
  return run_guarded(terminal, [&] {
    const auto arguments = parse_db_arguments(argc, argv);
    if (!arguments) return core::ExitCode::kDone;
    const auto log = make_logger(terminal, verbosity(arguments->common));
    if (arguments->action == DbAction::kShow) return show(*arguments);
    return list(arguments->common, *log);
  });
}

}  // namespace deepgemm::app
