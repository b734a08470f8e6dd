// What the three commands' command lines have in common.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/log.h"
#include "app/shape_parser.h"
#include "app/terminal.h"
#include "core/error.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace deepgemm::app {

struct CommonArguments {
  std::vector<std::string> command;  // argv, word for word
  std::string database;              // empty: db::default_database_path()
  std::string format = "table";
  std::vector<std::string> output_files;
  bool verbose = false;
  bool quiet = false;
};

Verbosity verbosity(const CommonArguments& arguments);
// The file of --db, or the default one.
std::filesystem::path database_path(const CommonArguments& arguments);

// Gives `app` its long help (app/help/<topic>.txt), --version and the house's manners.
void set_up(CLI::App& app, const std::string& program, std::string_view topic);
// --format and --output; `formats` lists what --format takes, for the help.
void add_result_options(CLI::App& app, std::string& format, std::vector<std::string>& output_files,
                        const std::string& formats);
// --db, --format, --output, --verbose, --quiet.
void add_common_options(CLI::App& app, CommonArguments& arguments, const std::string& formats);
// SHAPES, --shapes, --preset, --op.
void add_shape_options(CLI::App& app, ShapeArguments& arguments);
// --op, --groups and --alignment, which add_shape_options adds, too.
void add_operation_options(CLI::App& app, ShapeArguments& arguments);
// The rows that grouped shapes are measured with.
void add_row_options(CLI::App& app, ShapeArguments& arguments);

// Refuse what is no number above 0, or no GPU's, in words: CLI11's own name the range of a double.
void allow_above_zero(CLI::Option& option, const std::string& what);
void allow_gpu(CLI::Option& option);

// Parses. False: help or version was asked for and has been printed. Throws UsageError.
bool parse(CLI::App& app, int argc, const char* const* argv);

// The words of a command as a shell takes them.
std::string shell_line(std::span<const std::string> words);

// Prints "error: …" and "next: …".
void print_error(Terminal& terminal, const core::Error& error);

// Runs a command's body. Whatever it throws is printed and becomes the exit code.
int run_guarded(Terminal& terminal, const std::function<core::ExitCode()>& body);

}  // namespace deepgemm::app
