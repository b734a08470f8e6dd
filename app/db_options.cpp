#include "app/db_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <string_view>

namespace deepgemm::app {

namespace {

constexpr const char* kFormats = "table, csv, json";

// CLI11 would only say that a sub-command is missing.
void require_known_action(const CLI::App& app, int argc, const char* const* argv) {
  const std::string_view word = argc > 1 ? argv[1] : "";
  if (word.empty() || word.starts_with('-')) return;
  std::string names;
  for (const auto* action : app.get_subcommands({})) {
    if (action->get_name() == word) return;
    names += (names.empty() ? "" : ", ") + action->get_name();
  }
  throw core::UsageError(
      fmt::format("Unknown sub-command '{}'; this version has: {}.", word, names),
      fmt::format("Run '{} --help' for what they do.", app.get_name()));
}

// Adds sub-commands and remembers which one was called.
class Actions {
 public:
  Actions(CLI::App& app, DbArguments& arguments) : app_(app), arguments_(arguments) {}

  CLI::App& add(DbAction action, const std::string& name, const std::string& what) {
    CLI::App* added = app_.add_subcommand(name, what);
    added->callback([this, action] { arguments_.action = action; });
    add_common_options(*added, arguments_.common, kFormats);
    return *added;
  }

  void add_shapes(CLI::App& action) {
    add_operation_options(action, arguments_.shapes);
    action.add_option("SHAPES", arguments_.shapes.shapes, "MxNxK, as for deepgemm-tune")
        ->type_name("")
        ->required();
  }
  void add_gpu(CLI::App& action) {
    allow_gpu(
        *action.add_option("--gpu", arguments_.gpu, "Which GPU, counted from 0")->option_text("N"));
  }
  void add_device(CLI::App& action, const std::string& otherwise) {
    action
        .add_option("--device", arguments_.device,
                    "Kind of GPU, as 'list' names it (default: " + otherwise + ")")
        ->type_name("NAME");
  }
  void add_files(CLI::App& action, const std::string& what, int least, int most) {
    action.add_option("FILES", arguments_.files, what)
        ->type_name("")
        ->required()
        ->expected(least, most);
  }

 private:
  CLI::App& app_;
  DbArguments& arguments_;
};

void add_export_options(CLI::App& action, DbArguments& arguments) {
  action.add_flag("--measured-only", arguments.exporting.measured_only,
                  "Leave out rows that are predicted");
  action
      .add_option("--max-cost", arguments.max_cost_percent,
                  "Of rows that deepgemm-tune --probe has raced, merge\nthose that cost no m more "
                  "than this (default: 3)")
      ->option_text("PERCENT")
      ->check(CLI::Range(0.0, 100.0));
  action.add_flag("--keep-rows", arguments.exporting.keep_rows, "Merge no rows");
}

void add_prune_options(CLI::App& action, db::PruneOptions& options) {
  action.add_flag(
      "--superseded", options.superseded,
      "Rows of a shape that the same kind of GPU has\nmeasured again in a newer "
      "environment, but none\nthat answers on this machine; and probes of n\nand k whose "
      "last winner goes");
  action.add_flag(
      "--losers", options.losers,
      "Trials beside winner, runner-up, default and\nlibraries, but none that crashed or hung; a "
      "later\ntune tries them again");
  action.add_flag("--orphans", options.orphans, "Kernels that no row refers to");
  action.add_flag("--dry-run", options.dry_run, "Count, and change nothing");
}

// Without --measure nothing runs, so naming a GPU is a misunderstanding.
void require_measure(const CLI::App& diff) {
  if (diff.count("--gpu") == 0 || diff.count("--measure") > 0) return;
  throw core::UsageError("diff --gpu measures nothing without --measure.",
                         "Add --measure, or leave --gpu away.");
}

void require_a_bundle_name(const DbArguments& arguments) {
  if (arguments.action != DbAction::kExport || !arguments.bundle.empty()) return;
  throw core::UsageError("--output names no file.",
                         "Name the bundle, for example --output h100.dgdb.");
}

void require_something_to_prune(const DbArguments& arguments) {
  const db::PruneOptions& options = arguments.prune;
  if (arguments.action != DbAction::kPrune) return;
  if (options.superseded || options.losers || options.orphans) return;
  throw core::UsageError("Nothing to prune was named.",
                         "Add --superseded, --losers or --orphans, and --dry-run to look first.");
}

}  // namespace

std::optional<DbArguments> parse_db_arguments(int argc, const char* const* argv) {
  DbArguments arguments;
  arguments.common.command.assign(argv, argv + argc);
  CLI::App app("Looks into tuning databases and bundles, and moves them.");
  set_up(app, "deepgemm-db", "db");
  app.require_subcommand(1);
  Actions actions(app, arguments);
  actions.add(DbAction::kList, "list", "One line per winner, by device, n, k and m");
  actions.add_shapes(
      actions.add(DbAction::kShow, "show", "All trials of a shape, with their evidence"));
  CLI::App& explain =
      actions.add(DbAction::kExplain, "explain", "Which row answers for a shape, by which rule");
  actions.add_shapes(explain);
  const std::string this_one = "this\nmachine's; without a GPU, the one with most rows";
  actions.add_device(explain, this_one);
  CLI::App& coverage =
      actions.add(DbAction::kCoverage, "coverage", "Which calls of a trace the rows answer");
  coverage
      .add_option(
          "--trace", arguments.traces,
          "csv file: m,n,k[,op][,groups][,alignment][,count].\nRepeatable: files are added up")
      ->option_text("FILE")
      ->allow_extra_args(false)
      ->required();
  actions.add_device(coverage, this_one);
  CLI::App& verify =
      actions.add(DbAction::kVerify, "verify", "Check and measure all rows again on this GPU");
  actions.add_device(verify, "this\nmachine's, else the one with most rows");
  actions.add_gpu(verify);
  CLI::App* writer = app.add_subcommand("export", "Write a bundle: one file for serving");
  writer->callback([&] { arguments.action = DbAction::kExport; });
  writer->add_option("--db", arguments.common.database, "Database file to read")->type_name("FILE");
  writer->add_option("--output", arguments.bundle, "The bundle, for example h100.dgdb")
      ->type_name("FILE")
      ->required();
  add_export_options(*writer, arguments);
  writer->add_flag("-q,--quiet", arguments.common.quiet, "No notes");
  actions.add_device(*writer, "the\nonly one in the database");
  actions.add_files(actions.add(DbAction::kImport, "import", "Bring a bundle into a database"),
                    "The bundle", 1, 1);
  actions.add_files(actions.add(DbAction::kMerge, "merge", "Bring databases into one"),
                    "Databases or bundles to read; --db is the one\nthat is written", 1, 1000);
  CLI::App& diff = actions.add(DbAction::kDiff, "diff", "What changed between two databases");
  actions.add_files(diff, "The old one and the new one", 2, 2);
  diff.add_flag(
      "--measure", arguments.measure,
      "Race the winners of both on this GPU, in the same\nrounds, with the untuned default");
  actions.add_gpu(diff);
  add_prune_options(actions.add(DbAction::kPrune, "prune", "Take out what is not needed any more"),
                    arguments.prune);
  require_known_action(app, argc, argv);
  if (!parse(app, argc, argv)) return std::nullopt;
  require_a_bundle_name(arguments);
  require_something_to_prune(arguments);
  require_measure(diff);
  arguments.exporting.max_cost = arguments.max_cost_percent / 100;
  return arguments;
}

}  // namespace deepgemm::app
