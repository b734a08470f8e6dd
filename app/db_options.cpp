#include "app/db_options.h"

#include <CLI/CLI.hpp>

namespace deepgemm::app {

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
  if (!parse(app, argc, argv)) return std::nullopt;
  arguments.action = show->parsed() ? DbAction::kShow : DbAction::kList;
  return arguments;
}

}  // namespace deepgemm::app
