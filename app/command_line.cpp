#include "app/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <new>
#include <optional>
#include <sstream>

#include "app/embedded_help.h"
#include "app/output.h"
#include "app/text.h"
#include "core/config.h"
#include "core/version.h"
#include "db/tuning_db.h"

namespace deepgemm::app {

namespace {

std::string help_text(std::string_view topic) {
  const std::string name = fmt::format("app/help/{}.txt", topic);
  for (const auto& file : embedded_help()) {
    if (file.name == name) return std::string(file.text);
  }
  throw std::logic_error(name + " is not embedded");
}

// The long help of a command; kFieldsMark in it becomes the list of config fields, which is thus
// that of the kernel.
std::string footer(std::string_view topic) {
  constexpr std::string_view kFieldsMark = "@config-fields@\n";
  std::string text = help_text(topic);
  const std::size_t at = text.find(kFieldsMark);
  if (at == std::string::npos) return text;
  std::string fields;
  for (const auto& field : core::kConfigFields) {
    fields += fmt::format("  {:<17}{:>4}  {}\n", field.name, field.default_value, field.meaning);
  }
  return text.replace(at, kFieldsMark.size(), fields);
}

// Messages of the lower folders may end without their full stop.
std::string as_sentence(std::string text) {
  if (!text.empty() && !text.ends_with('.')) text += '.';
  return text;
}

template <class T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

Verbosity verbosity(const CommonArguments& arguments) {
  if (arguments.quiet) return Verbosity::kQuiet;
  return arguments.verbose ? Verbosity::kVerbose : Verbosity::kNormal;
}

std::filesystem::path database_path(const CommonArguments& arguments) {
  return arguments.database.empty() ? db::default_database_path()
                                    : std::filesystem::path(arguments.database);
}

void set_up(CLI::App& app, const std::string& program, std::string_view topic) {
  app.name(program);
  app.footer("\n" + footer(topic));
  app.set_help_flag("-h,--help", "Print this help and exit");
  app.set_version_flag("--version", fmt::format("{} {}", program, core::kVersion),
                       "Print the version and exit");
  app.add_flag_callback(
      "--help-json", [] { throw CLI::CallForVersion(help_text("json"), 0); },
      "Print the fields of the JSON reports and exit");
  app.get_formatter()->column_width(28);
}

void add_result_options(CLI::App& app, std::string& format, std::vector<std::string>& output_files,
                        const std::string& formats) {
  app.add_option("--format", format, "Form of the result on stdout: " + formats)
      ->type_name("FORMAT");
  app.add_option("--output", output_files,
                 "Also write the result here; the suffix chooses\nthe form. Repeatable")
      ->option_text("FILE")
      ->allow_extra_args(false);
}

void add_common_options(CLI::App& app, CommonArguments& arguments, const std::string& formats) {
  app.add_option("--db", arguments.database,
                 "Database file (default: $DEEPGEMM_DB, else\n"
                 "$XDG_DATA_HOME/deepgemm/tuning.db)")
      ->type_name("FILE");
  add_result_options(app, arguments.format, arguments.output_files, formats);
  auto* verbose =
      app.add_flag("-v,--verbose", arguments.verbose, "Say more on stderr, such as every trial");
  auto* quiet = app.add_flag("-q,--quiet", arguments.quiet, "No progress, notes or warnings");
  quiet->excludes(verbose);
  // A blank keeps the help from listing what excludes what.
  verbose->option_text(" ");
  quiet->option_text(" ");
}

void add_shape_options(CLI::App& app, ShapeArguments& arguments) {
  app.add_option("SHAPES", arguments.shapes,
                 "MxNxK; each a value, a list 1,64 or a range 64:4096:*2")
      ->type_name("");
  app.add_option("--shapes", arguments.shapes_file, "csv file with a header that names m, n and k")
      ->type_name("FILE");
  app.add_option("--preset", arguments.preset, "A named set of shapes; 'list' prints them")
      ->type_name("NAME");
  add_operation_options(app, arguments);
}

void add_operation_options(CLI::App& app, ShapeArguments& arguments) {
  app.add_option(
         "--op", arguments.operation,
         "dense, grouped-contiguous or grouped-masked; m is\nthen the expected rows of a group")
      ->type_name("OP");
  app.add_option("--groups", arguments.groups, "How many groups; a value, a list or a range")
      ->option_text("LIST");
  app.add_option(
         "--alignment", arguments.alignments,
         "Rows of contiguous groups start at multiples of\n4, 8, 16, 32, 64 or 128 (default)")
      ->option_text("LIST");
}

void add_row_options(CLI::App& app, ShapeArguments& arguments) {
  allow_above_zero(
      *app.add_option(
              "--max-m", arguments.max_m,
              "Rows that each masked group has room for\n(default: a power of two above 2 m)")
           ->option_text("N"),
      "number of rows");
  app.add_option("--skew", arguments.skew,
                 "How unlike the groups are that are measured: even,\nhalf (one has half of all "
                 "rows) or zipf")
      ->type_name("SKEW");
  app.add_option("--group-sizes", arguments.group_sizes, "The rows of each group, for one shape")
      ->option_text("LIST");
}

void allow_above_zero(CLI::Option& option, const std::string& what) {
  option.check([what](const std::string& text) -> std::string {
    const auto value = number<double>(text);
    if (value && *value > 0 && std::isfinite(*value)) return "";
    return fmt::format("'{}' is no {} above 0", text, what);
  });
}

void allow_gpu(CLI::Option& option) {
  option.check([](const std::string& text) -> std::string {
    const auto value = number<int>(text);
    if (value && *value >= 0) return "";
    return fmt::format("'{}' is no GPU; they are counted from 0", text);
  });
}

bool parse(CLI::App& app, int argc, const char* const* argv) {
  try {
    app.parse(argc, argv);
    return true;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
      std::ostringstream text;
      app.exit(error, text, text);
      write_stdout(text.str());
      return false;
    }
    std::string command = app.get_name();
    for (const CLI::App* action : app.get_subcommands()) command += " " + action->get_name();
    throw core::UsageError(as_sentence(error.what()),
                           fmt::format("Run '{} --help' for the options and examples.", command));
  }
}

std::string shell_line(std::span<const std::string> words) {
  std::string line;
  for (const auto& word : words) {
    if (!line.empty()) line += ' ';
    line += shell_quote(word);
  }
  return line;
}

void print_error(Terminal& terminal, const core::Error& error) {
  terminal.print(Colour::kRed, "error: ", as_sentence(error.what()));
  terminal.print(Colour::kGreen, "next: ", as_sentence(error.next_step()));
}

int run_guarded(Terminal& terminal, const std::function<core::ExitCode()>& body) {
  const auto fail = [&](const core::Error& error) {
    print_error(terminal, error);
    return static_cast<int>(error.code());
  };
  try {
    return static_cast<int>(body());
  } catch (const core::Error& error) {
    return fail(error);
  } catch (const std::bad_alloc&) {
    return fail(core::EnvironmentError("The machine has no memory left.",
                                       "Tune fewer shapes at once, or use fewer --jobs."));
  } catch (const std::filesystem::filesystem_error& error) {
    return fail(core::EnvironmentError(fmt::format("{}.", error.what()),
                                       "Check the path, its permissions and the disk."));
  } catch (const std::exception& error) {
    return fail(core::Error(core::ExitCode::kWorkFailed,
                            fmt::format("Something unforeseen happened: {}.", error.what()),
                            "Please report it together with the command line."));
  }
}

}  // namespace deepgemm::app
