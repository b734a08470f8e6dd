#include "app/tune_options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <limits>
#include <utility>

#include "app/text.h"
#include "app/value_list.h"
#include "core/jit_builder.h"

namespace deepgemm::app {

namespace {

constexpr Format kFormats[] = {Format::kTable, Format::kCsv, Format::kJson, Format::kMarkdown,
                               Format::kHtml};

void add_tune_options(CLI::App& app, TuneArguments& arguments) {
  app.add_option("--effort", arguments.effort, "How many candidates: quick, default, exhaustive")
      ->type_name("EFFORT");
  allow_above_zero(*app.add_option("--budget", arguments.budget_seconds,
                                   "Stop after this many seconds, with the best so far")
                        ->option_text("SECONDS"),
                   "number of seconds");
  auto* gpu = app.add_option("--gpu", arguments.gpu,
                             "Which GPU, counted from 0, or every one of this host\n"
                             "(default: the launcher's local rank, else 0)")
                  ->option_text("N|all");
  app.add_option("--shard", arguments.shard,
                 "Tune the I-th of N parts, counted from 0, into a\ndatabase of its own (default: "
                 "as Slurm, Kubernetes,\ntorchrun or MPI say)")
      ->option_text("I/N");
  auto* probe = app.add_flag("--probe", arguments.probe,
                             "Then race the winners of one n and k at each other's m\nand between, "
                             "so that export can merge rows")
                    ->option_text(" ");  // else CLI11 prints what it excludes
  app.add_option("--device", arguments.device,
                 "No GPU needed: rank and compile for this profile;\nrows are marked unmeasured")
      ->option_text("PROFILE")
      ->excludes(gpu)
      ->excludes(probe);
  app.add_flag("--force", arguments.force, "Measure anew what the database already answers");
  app.add_flag("--dry-run", arguments.dry_run,
               "Count candidates, name the rules that removed the rest,\n"
               "rank; compile and write nothing");
  app.add_flag("--no-isolation", arguments.no_isolation,
               "Run candidates in this process: one that faults\nends the call");
  app.add_option("--fix", arguments.fixed, "Restrict a field of the search. Repeatable")
      ->option_text("FIELD=VALUES")
      ->allow_extra_args(false);
  app.add_option("--jobs", arguments.jobs, "Compile threads (default: one per core)")
      ->option_text("N")
      ->check(CLI::Range(1, 1024));
  app.add_option("--cache", arguments.cache_folder,
                 "Folder of compiled kernels (default:\n$XDG_CACHE_HOME/deepgemm)")
      ->type_name("FOLDER");
}

// A product of lists that no machine could walk is refused before it overflows.
void require_walkable(const autotune::SearchSpace& space) {
  constexpr double kMost = 2e7;
  double size = 1;
  for (const auto& parameter : space.parameters()) {
    size *= static_cast<double>(parameter.values.size());
  }
  if (size <= kMost) return;
  throw core::UsageError(fmt::format("With these --fix the space has {:.1e} configs.", size),
                         "Give --fix fewer values.");
}

autotune::Effort parse_effort(std::string_view text) {
  const auto effort = autotune::effort_named(text);
  if (!effort) {
    throw core::UsageError(fmt::format("Unknown effort '{}'.", text),
                           "Use quick, default or exhaustive.");
  }
  return *effort;
}

}  // namespace

std::optional<TuneArguments> parse_tune_arguments(int argc, const char* const* argv) {
  TuneArguments arguments;
  arguments.common.command.assign(argv, argv + argc);
  CLI::App app("Finds the fastest FP8 kernel for each shape and keeps it in a database.");
  set_up(app, "deepgemm-tune", "tune");
  add_shape_options(app, arguments.shapes);
  add_row_options(app, arguments.shapes);
  add_tune_options(app, arguments);
  add_common_options(app, arguments.common, "table, csv, json,\nmarkdown, html");
  if (!parse(app, argc, argv)) return std::nullopt;
  return arguments;
}

core::DeviceInfo parse_profile(std::string_view id) {
  if (const auto* profile = core::find_device_profile(id)) return *profile;
  std::string ids;
  for (const auto& profile : core::device_profiles()) {
    ids += fmt::format("{}{}", ids.empty() ? "" : ", ", profile.id);
  }
  throw core::UsageError(fmt::format("Unknown device profile '{}'.", id),
                         fmt::format("Use one of: {}.", ids));
}

void apply_fix(autotune::SearchSpace& space, std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) {
    throw core::UsageError(fmt::format("'{}' restricts no field.", text),
                           "Write --fix FIELD=VALUES, for example --fix block_m=64,128.");
  }
  const std::string_view field = text.substr(0, equals);
  std::vector<int> values;
  for (const auto value : parse_value_list(text.substr(equals + 1), fmt::format("'{}'", text))) {
    if (!std::in_range<int>(value)) {
      throw core::UsageError(fmt::format("{} is too large for field '{}'.", value, field),
                             "Use a value that a kernel could have.");
    }
    values.push_back(static_cast<int>(value));
  }
  space.fix(field, std::move(values));
}

void require_fit(const std::vector<core::GemmProblem>& problems, const core::GroupDraws& draws,
                 const core::DeviceInfo& device) {
  for (const auto& problem : problems) {
    // In floating point: the bytes of the largest legal shape do not fit into 64 bits.
    const auto groups = static_cast<double>(problem.groups);
    const auto m = static_cast<double>(core::all_rows(problem, draws.of(problem)));
    const auto n = static_cast<double>(problem.n);
    const auto k = static_cast<double>(problem.k);
    const double bytes = m * k + groups * n * k + 2 * m * n;
    if (bytes <= static_cast<double>(device.memory_bytes)) continue;
    throw core::UsageError(
        fmt::format("Shape {} needs {:.0f} GB for its operands, {} has {:.0f} GB.",
                    core::to_string(problem), bytes / 1e9, device.id,
                    static_cast<double>(device.memory_bytes) / 1e9),
        "Leave the shape away, or make m, n or k smaller.");
  }
}

// A dry run has a ranking to show, and nothing that a page or a comment could.
std::span<const Format> formats_of(const TuneArguments& arguments) {
  return std::span(kFormats).first(arguments.dry_run ? 3 : std::size(kFormats));
}

// "all", or the number of a GPU.
std::optional<int> parse_gpu(const std::string& text) {
  if (text.empty() || text == "all") return std::nullopt;
  int number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc{} && end == text.data() + text.size() && number >= 0) return number;
  throw core::UsageError(fmt::format("'{}' is no GPU.", text),
                         "Give --gpu a number, counted from 0, or all.");
}

// What a bundle serves was chosen with the usual rows, and so must be what its rows are merged by.
void require_usual_rows(const TuneRequest& request) {
  for (const auto& problem : request.problems) {
    const auto rows = core::unusual_rows(problem, request.options.draws.of(problem));
    if (rows.empty()) continue;
    throw core::UsageError(
        fmt::format("--probe races kernels with the usual rows of groups, and {} is given others.",
                    core::to_string(problem)),
        "Leave --probe away, or --skew, --max-m and the sizes of groups.");
  }
}

TuneRequest resolve(const TuneArguments& arguments, const Variables& variables) {
  if (arguments.probe && arguments.gpu == "all") {
    throw core::UsageError(
        "--probe races kernels on one GPU.",
        "Name it with --gpu N, or run again with --probe and without --gpu all.");
  }
  const auto formats = formats_of(arguments);
  Shapes shapes = collect_shapes(arguments.shapes);
  TuneRequest request{.problems = std::move(shapes.problems),
                      .space = autotune::SearchSpace::dense(),
                      .options = {.effort = parse_effort(arguments.effort),
                                  .budget_seconds = arguments.budget_seconds,
                                  .force = arguments.force,
                                  .draws = std::move(shapes.draws),
                                  // Kernels of an n and k are raced on the GPU that chose them.
                                  .ask_twins = !arguments.probe},
                      .jobs = arguments.jobs,
                      .gpu = parse_gpu(arguments.gpu),
                      .local_rank = local_rank(variables),
                      .all_gpus = arguments.gpu == "all",
                      .shard = find_shard(arguments.shard, variables),
                      .profile = std::nullopt,
                      .dry_run = arguments.dry_run,
                      .probe = arguments.probe,
                      .isolated = !arguments.no_isolation,
                      .database = database_path(arguments.common),
                      .cache_folder = arguments.cache_folder,
                      .format = parse_format(arguments.common.format, formats),
                      .outputs = plan_outputs(arguments.common.output_files, formats),
                      .command = arguments.common.command};
  // What a launcher set is not there when somebody resumes by hand.
  if (request.shard.count > 1 && arguments.shard.empty()) {
    request.command.insert(
        request.command.end(),
        {"--shard", fmt::format("{}/{}", request.shard.index, request.shard.count)});
  }
  request.problems = part_of(request.problems, request.shard);
  request.database = database_of(request.database, request.shard);
  if (request.cache_folder.empty()) request.cache_folder = core::default_cache_folder();
  if (request.probe) require_usual_rows(request);
  for (const auto& fix : arguments.fixed) apply_fix(request.space, fix);
  require_walkable(request.space);
  if (!arguments.device.empty()) request.profile = parse_profile(arguments.device);
  return request;
}

}  // namespace deepgemm::app
