#include "app/db_move.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "app/db_machine.h"
#include "app/interrupt.h"
#include "app/json_report.h"
#include "app/output.h"
#include "app/table.h"
#include "app/text.h"
#include "core/jit_builder.h"
#include "core/key.h"
#include "db/export.h"

namespace deepgemm::app {

namespace {

constexpr Format kFormats[] = {Format::kTable, Format::kCsv, Format::kJson};

// What one file gave or lost; the rows of a report.
struct Movement {
  std::string file;
  int trials = 0;
  int winners = 0;
  int cubins = 0;
};

void report(const CommonArguments& arguments, const std::string& action,
            const std::vector<Movement>& movements) {
  const auto render = [&](Format format) {
    if (format == Format::kJson) {
      Json json = report_head("deepgemm-db/1", arguments.command);
      json["database"] = database_path(arguments).string();
      json[action] = Json::array();
      for (const Movement& each : movements) {
        json[action].push_back({{"file", each.file},
                                {"trials", each.trials},
                                {"winners", each.winners},
                                {"kernels", each.cubins}});
      }
      return dump(json);
    }
    Table table({{action, "file", Align::kLeft},
                 {"trials", "trials"},
                 {"winners", "winners"},
                 {"kernels", "kernels"}});
    for (const Movement& each : movements) {
      table.add_row({cell(each.file), cell(each.trials), cell(each.winners), cell(each.cubins)});
    }
    return format == Format::kCsv ? table.csv() : table.text();
  };
  deliver(render, parse_format(arguments.format, kFormats),
          plan_outputs(arguments.output_files, kFormats));
}

// A wrong --format must not be noticed after the work.
void check_outputs(const CommonArguments& arguments) {
  parse_format(arguments.format, kFormats);
  plan_outputs(arguments.output_files, kFormats);
}

// Opens NVRTC when the first kernel is missing.
class LateBuilder {
 public:
  explicit LateBuilder(const Hardware& hardware) : hardware_(hardware) {}

  core::BuildResult build(const core::GemmConfig& config) {
    if (!builder_) builder_ = open();
    return builder_->kernels->build(config);
  }

 private:
  // Without a cache where that is the trouble: a bundle needs a kernel or two.
  Builder open() const {
    try {
      return hardware_.make_builder(core::default_cache_folder());
    } catch (const core::EnvironmentError&) {
      return hardware_.make_builder({});
    }
  }

  const Hardware& hardware_;
  std::optional<Builder> builder_;
};

core::ExitCode merge_files(const DbArguments& arguments, spdlog::logger& log) {
  check_outputs(arguments.common);
  // All sources are opened before the target is: a wrong file must not leave a half-merged one.
  std::vector<std::unique_ptr<db::TuningDb>> sources;
  for (const std::string& file : arguments.files) {
    sources.push_back(std::make_unique<db::TuningDb>(file, db::OpenMode::kInspect));
    std::error_code ignored;
    if (std::filesystem::equivalent(file, database_path(arguments.common), ignored)) {
      throw core::UsageError(fmt::format("'{}' cannot be merged into itself.", file),
                             "Name another database with --db.");
    }
    if (arguments.action == DbAction::kImport && !sources.back()->is_bundle()) {
      throw core::UsageError(fmt::format("'{}' is a database, not a bundle.", file),
                             "Use deepgemm-db merge for it.");
    }
  }
  std::vector<const db::TuningDb*> all;
  for (const auto& source : sources) all.push_back(source.get());
  db::TuningDb target(database_path(arguments.common), db::OpenMode::kTune);
  const std::vector<db::Merged> merged = target.merge(all);
  std::vector<Movement> movements;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    warn_of_skipped_rows(*sources[i], log);
    movements.push_back(
        {sources[i]->path().string(), merged[i].trials, merged[i].winners, merged[i].cubins});
  }
  report(arguments.common, arguments.action == DbAction::kImport ? "imported" : "merged",
         movements);
  return core::ExitCode::kDone;
}

}  // namespace

std::string device_of(const db::TuningDb& database, const std::string& wanted) {
  std::set<std::string> devices;
  for (const auto& row : database.winners()) devices.insert(row.environment.device_id);
  if (!wanted.empty() && devices.contains(wanted)) return wanted;
  if (wanted.empty() && devices.size() == 1) return *devices.begin();
  std::string names;
  for (const auto& device : devices) names += (names.empty() ? "" : ", ") + device;
  const std::string path = database.path().string();
  if (devices.empty() && database.skipped().count > 0) {
    throw core::UsageError(fmt::format("'{}' holds no winner that this deepgemm can read.", path),
                           "Update this deepgemm, or pass another database.");
  }
  if (devices.empty()) {
    throw core::UsageError(fmt::format("'{}' holds no winner.", path),
                           "Tune a shape first: deepgemm-tune 64x2112x7168.");
  }
  if (wanted.empty()) {
    throw core::UsageError(fmt::format("'{}' holds winners of several GPUs: {}.", path, names),
                           "Choose one with --device NAME.");
  }
  throw core::UsageError(fmt::format("'{}' holds no winner for device '{}'.", path, wanted),
                         fmt::format("Choose --device among: {}.", names));
}

namespace {

// Says first which rows were skipped where nothing is left: they may be why.
db::Export collect(const db::TuningDb& database, const DbArguments& arguments,
                   const Hardware& hardware, spdlog::logger& log) {
  try {
    LateBuilder builder(hardware);
    const std::string device = device_of(database, arguments.device);
    return db::collect(database, device, arguments.exporting,
                       environment_on(look_at_machine(hardware), device),
                       [&](const core::GemmConfig& config) { return builder.build(config); });
  } catch (const core::UsageError&) {
    warn_of_skipped_rows(database, log);
    throw;
  }
}

}  // namespace

core::ExitCode export_bundle(const DbArguments& arguments, const Hardware& hardware,
                             spdlog::logger& log) {
  const db::TuningDb database(database_path(arguments.common), db::OpenMode::kInspect);
  const db::Export result = collect(database, arguments, hardware, log);
  warn_of_skipped_rows(database, log);
  for (const std::string& note : result.notes) log.warn("{}.", note);
  for (const db::MergedRows& each : result.merged) {
    log.info("{}: {} for m up to {}, {} tuned; 95 % of all m cost at most {:.1f} %, by {} m.",
             core::family_text(each.largest), counted(static_cast<long long>(each.after), "row"),
             each.largest.m, each.before, 100 * each.p95, each.points);
  }
  // A signal waits for the whole file: nothing that is half written stays beside it.
  const InterruptGuard interrupt;
  db::write_bundle(result.contents, arguments.bundle);
  std::size_t predicted = 0;
  for (const auto& row : result.contents.winners) predicted += row.winner.measured ? 0 : 1;
  std::error_code ignored;
  write_stdout(
      fmt::format("{}: {} for {}, {}, {} KB\n", arguments.bundle,
                  counted(static_cast<long long>(result.contents.winners.size()), "winner"),
                  result.contents.device_id,
                  counted(static_cast<long long>(result.contents.cubins.size()), "kernel"),
                  (std::filesystem::file_size(arguments.bundle, ignored) + 1023) / 1024));
  if (predicted > 0) {
    log.warn("{} {} only predicted, never measured; --measured-only leaves them out.",
             counted(static_cast<long long>(predicted), "row"), predicted == 1 ? "is" : "are");
  }
  if (interrupt.stop()) {
    log.warn("Interrupted, but {} was written whole.", arguments.bundle);
    return core::ExitCode::kInterrupted;
  }
  return core::ExitCode::kDone;
}

core::ExitCode import_bundle(const DbArguments& arguments, spdlog::logger& log) {
  return merge_files(arguments, log);
}

core::ExitCode merge_databases(const DbArguments& arguments, spdlog::logger& log) {
  return merge_files(arguments, log);
}

core::ExitCode prune_database(const DbArguments& arguments, const Hardware& hardware,
                              spdlog::logger& log) {
  check_outputs(arguments.common);
  const std::filesystem::path path = database_path(arguments.common);
  if (!std::filesystem::exists(path)) {
    throw core::UsageError(fmt::format("There is no database at '{}'.", path.string()),
                           "Pass another one with --db FILE.");
  }
  db::TuningDb database(path, db::OpenMode::kTune);
  const db::Pruned pruned = database.prune(arguments.prune, look_at_machine(hardware).environment);
  warn_of_skipped_rows(database, log);
  report(arguments.common, arguments.prune.dry_run ? "would_go" : "gone",
         {{path.string(), pruned.trials, pruned.winners, pruned.cubins}});
  return core::ExitCode::kDone;
}

}  // namespace deepgemm::app
