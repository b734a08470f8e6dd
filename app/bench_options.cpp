#include "app/bench_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "core/jit_builder.h"

namespace deepgemm::app {

namespace {

constexpr Format kFormats[] = {Format::kTable, Format::kCsv, Format::kJson, Format::kMarkdown,
                               Format::kHtml};

core::GemmConfig parse_legal_config(const std::string& text) {
  const core::GemmConfig config = core::parse_config(text);
  if (const auto why = core::why_illegal(config)) {
    throw core::UsageError(fmt::format("No kernel can have the config '{}': {}.", text, *why),
                           "Fields that are not named have their defaults; see "
                           "'deepgemm-bench --help'.");
  }
  if (config.operation != core::kernel_operation(core::Operation::kDense)) {
    throw core::UsageError(fmt::format("The config '{}' names an operation.", text),
                           "Leave it away: --op says which one.");
  }
  return config;
}

}  // namespace

std::optional<BenchArguments> parse_bench_arguments(int argc, const char* const* argv) {
  BenchArguments arguments;
  arguments.common.command.assign(argv, argv + argc);
  CLI::App app("Measures what the database would run, beside cuBLASLt and the untuned default.");
  set_up(app, "deepgemm-bench", "bench");
  add_shape_options(app, arguments.shapes);
  add_row_options(app, arguments.shapes);
  app.add_option("--config", arguments.config, "Run this config instead of the database's")
      ->type_name("FIELD=VALUE,...");
  allow_gpu(*app.add_option("--gpu", arguments.gpu, "Which GPU, counted from 0")->option_text("N"));
  app.add_option("--rounds", arguments.rounds, "Samples of each contender (default: 30)")
      ->option_text("N")
      ->check(CLI::Range(3, 100000));
  app.add_option("--cache", arguments.cache_folder,
                 "Folder of compiled kernels (default:\n$XDG_CACHE_HOME/deepgemm)")
      ->type_name("FOLDER");
  add_common_options(app, arguments.common, "table, csv, json,\nmarkdown, html");
  if (!parse(app, argc, argv)) return std::nullopt;
  return arguments;
}

BenchRequest resolve(const BenchArguments& arguments) {
  BenchRequest request;
  Shapes shapes = collect_shapes(arguments.shapes);
  request.problems = std::move(shapes.problems);
  request.draws = std::move(shapes.draws);
  if (!arguments.config.empty()) request.config = parse_legal_config(arguments.config);
  request.gpu = arguments.gpu;
  request.rounds = arguments.rounds;
  request.database = database_path(arguments.common);
  request.database_named = !arguments.common.database.empty();
  request.cache_folder = arguments.cache_folder.empty()
                             ? core::default_cache_folder()
                             : std::filesystem::path(arguments.cache_folder);
  request.format = parse_format(arguments.common.format, kFormats);
  request.outputs = plan_outputs(arguments.common.output_files, kFormats);
  request.command = arguments.common.command;
  return request;
}

}  // namespace deepgemm::app
