#include "app/show_command.h"

#include <CLI/CLI.hpp>
#include <string_view>

#include "app/bench_file.h"
#include "app/command_line.h"

namespace deepgemm::app {

namespace {

constexpr Format kFormats[] = {Format::kTable, Format::kCsv, Format::kMarkdown, Format::kHtml};

struct ShowArguments {
  std::string file;
  std::string format = "table";
  std::vector<std::string> output_files;
};

// False: help or version was asked for and has been printed. Throws UsageError.
bool parse_arguments(int argc, const char* const* argv, ShowArguments& arguments) {
  CLI::App app("Shows a JSON report again, as a table, csv, markdown or a page with charts.");
  set_up(app, "deepgemm-bench show", "show");
  app.add_option("REPORT", arguments.file, "JSON report of deepgemm-bench")
      ->required()
      ->type_name("");
  add_result_options(app, arguments.format, arguments.output_files, "table, csv,\nmarkdown, html");
  return parse(app, argc, argv);
}

}  // namespace

bool asks_for_show(int argc, const char* const* argv) {
  return argc > 1 && std::string_view(argv[1]) == "show";
}

int show_main(int argc, const char* const* argv) {
  Terminal terminal(stderr, look_at(stderr));
  return run_guarded(terminal, [&] {
    ShowArguments arguments;
    if (!parse_arguments(argc - 1, argv + 1, arguments)) return core::ExitCode::kDone;
    const Format format = parse_format(arguments.format, kFormats);
    const auto outputs = plan_outputs(arguments.output_files, kFormats);
    const BenchReport report = read_bench_report(arguments.file);
    deliver([&](Format each) { return render(report, each); }, painted(format), outputs);
    return core::ExitCode::kDone;
  });
}

}  // namespace deepgemm::app
