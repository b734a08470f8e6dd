#include "app/db_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <string_view>

namespace deepgemm::app {

namespace {

// CLI11 would only say that a sub-command is missing.
void require_known_action(const CLI::App& app, int argc, const char* const* argv) {
  const std::string_view word = argc > 1 ? argv[1] : "";
  if (word.empty() || word.starts_with('-')) return;
  for (const auto* action : app.get_subcommands({})) {
    if (action->get_name() == word) return;
  }
  throw core::UsageError(
      fmt::format("Unknown sub-command '{}'; this version has: list, show.", word),
      fmt::format("Run '{} --help' for what they do.", app.get_name()));
}

}  // namespace

std::optional<DbArguments> parse_db_arguments(int argc, const char* const* argv) {
  DbArguments arguments;
  arguments.common.command.assign(argv, argv + argc);
  CLI::App app("Looks into a tuning database.");
  set_up(app, "deepgemm-db", "db");
  app.require_subcommand(1);
  app.add_subcommand("list", "One line per winner, by device, n, k and m");
  auto* show = app.add_subcommand("show", "All trials of a shape, with their evidence");
  show->add_option("SHAPES", arguments.shapes, "MxNxK, as for deepgemm-tune")
      ->type_name("")
      ->required();
  for (auto* action : app.get_subcommands({})) {
    add_common_options(*action, arguments.common, "table, csv, json");
  }
  require_known_action(app, argc, argv);
  if (!parse(app, argc, argv)) return std::nullopt;
  arguments.action = show->parsed() ? DbAction::kShow : DbAction::kList;
  return arguments;
}

}  // namespace deepgemm::app
