#include "app/compare_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <string_view>

#include "app/command_line.h"
#include "app/compare_report.h"
#include "app/text.h"

namespace deepgemm::app {

namespace {

constexpr Format kFormats[] = {Format::kTable, Format::kCsv, Format::kJson, Format::kMarkdown};

struct CompareArguments {
  std::string old_file;
  std::string new_file;
  double threshold_percent = 3;
  double drift_percent = 1;
  double confidence_percent = 95;
  std::string format = "table";
  std::vector<std::string> output_files;
};

// False: help or version was asked for and has been printed. Throws UsageError.
bool parse_arguments(int argc, const char* const* argv, CompareArguments& arguments) {
  CLI::App app("Says shape by shape what changed between two reports, beyond the noise.");
  set_up(app, "deepgemm-bench compare", "compare");
  app.add_option("OLD", arguments.old_file, "JSON report of deepgemm-bench")
      ->required()
      ->type_name("");
  app.add_option("NEW", arguments.new_file, "JSON report to judge")->required()->type_name("");
  app.add_option("--threshold", arguments.threshold_percent,
                 "Smallest change of the median that counts, in\npercent (default: 3)")
      ->option_text("PERCENT")
      ->check(CLI::Range(0.0, 1000.0));
  app.add_option("--drift", arguments.drift_percent,
                 "What one kernel's time may differ by between two\nruns, in percent (default: 1)")
      ->option_text("PERCENT")
      ->check(CLI::Range(0.0, 1000.0));
  app.add_option("--confidence", arguments.confidence_percent,
                 "Of all rows together, in percent (default: 95)")
      ->option_text("PERCENT")
      ->check(CLI::Range(50.0, 99.9999));
  add_result_options(app, arguments.format, arguments.output_files, "table, csv, json,\nmarkdown");
  return parse(app, argc, argv);
}

core::ExitCode verdict(const Comparison& comparison) {
  if (comparison.shapes.empty() && count_broken(comparison) == 0) {
    throw core::UsageError("The two reports have no shape in common that both have timed.",
                           "Compare reports of the same shapes.");
  }
  const long long slower = count(comparison, Verdict::kSlower);
  const long long broken = count_broken(comparison);
  if (slower + broken == 0) return core::ExitCode::kDone;
  std::string what;
  if (slower > 0) {
    what = fmt::format("{} {} slower", counted(slower, "shape"), slower == 1 ? "is" : "are");
  }
  if (broken > 0) {
    what += fmt::format("{}{} failed that did not fail before", what.empty() ? "" : " and ",
                        counted(broken, "shape"));
  }
  throw core::Error(core::ExitCode::kWorkFailed, what + ".",
                    "Measure both again on one machine with more --rounds before you believe it.");
}

}  // namespace

bool asks_for_comparison(int argc, const char* const* argv) {
  return argc > 1 && std::string_view(argv[1]) == "compare";
}

int compare_main(int argc, const char* const* argv) {
  Terminal terminal(stderr, look_at(stderr));
  return run_guarded(terminal, [&] {
    CompareArguments arguments;
    if (!parse_arguments(argc - 1, argv + 1, arguments)) return core::ExitCode::kDone;
    const Format format = parse_format(arguments.format, kFormats);
    const auto outputs = plan_outputs(arguments.output_files, kFormats);
    const CompareOptions options{.threshold = arguments.threshold_percent / 100,
                                 .drift = arguments.drift_percent / 100,
                                 .confidence = arguments.confidence_percent / 100};
    const CompareReport report{
        {argv, argv + argc},
        compare(read_bench_file(arguments.old_file), read_bench_file(arguments.new_file), options)};
    deliver([&](Format each) { return render(report, each); }, painted(format), outputs);
    return verdict(report.comparison);
  });
}

}  // namespace deepgemm::app
