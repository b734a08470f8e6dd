// Times the winners of a database with stages of the kernel left out (tests/mutants/ablations.h),
// in other configs, or built from other source trees, as scripts/gpu-ablate calls it: interleaved
// rounds, cold L2, in the tuner's worker process, which a kernel that hangs may cost.
//
//   ablate DATABASE [--only TEXT]... [--config FIELD=VALUE,...]... [--stage TEXT]...
//          [--sources FOLDER]... [--rounds N]
//
// The words mean what scripts/gpu-ablate --help says. FOLDER holds a kernels/ whose config.h gives
// blocks as much shared memory as ours.
// Exit codes: 0 measured, 1 something failed, 2 usage, 3 no Hopper GPU.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <tuple>

#include "app/command_line.h"
#include "app/db_measure.h"
#include "app/terminal.h"
#include "autotune/gpu_executor.h"
#include "autotune/race.h"
#include "autotune/statistics.h"
#include "autotune/worker_executor.h"
#include "core/compile_log.h"
#include "core/error.h"
#include "db/tuning_db.h"
#include "tests/mutants/ablations.h"

namespace deepgemm::gpu_test {
namespace {

using mutants::Build;

constexpr const char* kSeeHelp = "scripts/gpu-ablate --help shows how it is called.";

struct Options {
  std::filesystem::path database;
  std::vector<std::string> only;
  std::vector<core::GemmConfig> configs;
  std::vector<std::string> stages;
  std::vector<std::filesystem::path> folders;
  int rounds = 15;
};

Options parse(std::vector<std::string> words) {
  Options options;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool named = words[i].starts_with("--");
    if (named && i + 1 == words.size())
      throw core::UsageError(words[i] + " needs a value.", kSeeHelp);
    if (words[i] == "--only") {
      options.only.push_back(words[++i]);
    } else if (words[i] == "--config") {
      options.configs.push_back(core::parse_config(words[++i]));
    } else if (words[i] == "--stage") {
      options.stages.push_back(words[++i]);
    } else if (words[i] == "--sources") {
      options.folders.emplace_back(words[++i]);
    } else if (words[i] == "--rounds") {
      const std::string& text = words[++i];
      const char* const end = text.data() + text.size();
      if (std::from_chars(text.data(), end, options.rounds).ptr != end || options.rounds < 1) {
        throw core::UsageError("--rounds is " + text + ", which is no number from 1 on.", kSeeHelp);
      }
    } else if (!named && options.database.empty()) {
      options.database = words[i];
    } else {
      throw core::UsageError("Unknown argument " + words[i] + ".", kSeeHelp);
    }
  }
  if (options.database.empty()) throw core::UsageError("No database is named.", kSeeHelp);
  return options;
}

bool holds_any(std::string_view name, const std::vector<std::string>& texts) {
  return std::any_of(texts.begin(), texts.end(),
                     [&](const std::string& text) { return name.find(text) != name.npos; });
}

// A kernels/ beside ours, with the names that its files are included by.
std::vector<core::NamedHeader> sources_in(const std::filesystem::path& folder) {
  std::vector<core::NamedHeader> sources = mutants::todays_sources();
  for (core::NamedHeader& each : sources) {
    std::ifstream file(folder / each.name);
    if (!file) {
      throw core::UsageError((folder / each.name).string() + " cannot be read.",
                             "Name a folder that holds all of a kernels/.");
    }
    each.text.assign(std::istreambuf_iterator<char>(file), {});
  }
  return sources;
}

// What is compiled and timed beside the kernel as it is.
struct Variant {
  std::string name;
  std::vector<core::NamedHeader> sources;
  std::vector<mutants::Edit> edits;
  bool (*applies)(const core::GemmConfig&) = [](const core::GemmConfig&) { return true; };
};

// An edit that finds nothing would leave the kernel whole, under a name that says otherwise.
void need_all_edits(const Variant& variant) {
  for (const auto& edits : {variant.edits, mutants::clock_probe()}) {
    const std::string why = mutants::why_inapplicable(variant.name, edits, variant.sources);
    if (why.empty()) continue;
    throw core::UsageError(why + ".", "Name other stages, or bring the folder up to date.");
  }
}

std::vector<Variant> variants_of(const Options& options) {
  std::vector<Variant> list{{"as it is", mutants::todays_sources(), {}}};
  for (const auto& folder : options.folders) {
    list.push_back({folder.string(), sources_in(folder), {}});
  }
  const std::size_t whole = list.size();
  const bool whole_only = !options.folders.empty() || !options.configs.empty();
  for (const mutants::Ablation& each : mutants::ablations()) {
    if (options.stages.empty() ? whole_only : !holds_any(each.name, options.stages)) continue;
    for (std::size_t i = 0; i < whole; ++i) {
      const std::string of = i == 0 ? "" : list[i].name + ", ";
      list.push_back({of + std::string(each.name), list[i].sources, each.edits, each.applies});
    }
  }
  for (const Variant& each : list) need_all_edits(each);
  return list;
}

// One kernel of a problem, from source to time.
struct Line {
  const Variant* variant;
  core::GemmConfig config;
  bool tells_clock = false;  // by how much longer it takes than the line before
  Build build;
  std::size_t index = 0;  // in the race
  std::string failure;
};

struct Case {
  core::Winner winner;
  std::vector<Line> lines;
};

std::vector<Case> cases_of(const Options& options, const std::vector<Variant>& variants) {
  std::vector<Case> cases;
  const db::TuningDb database(options.database, db::OpenMode::kReadOnly);
  for (const db::WinnerRow& row : database.winners()) {
    const std::string name = core::to_string(row.winner.problem);
    if (!options.only.empty() && !holds_any(name, options.only)) continue;
    Case& added = cases.emplace_back(Case{row.winner, {}});
    std::vector<core::GemmConfig> configs = options.configs;
    if (configs.empty()) configs.push_back(row.winner.config);
    for (core::GemmConfig& config : configs) {
      config.operation = row.winner.config.operation;
      for (const Variant& each : variants) {
        if (!each.applies(config)) continue;
        for (const bool tells_clock : {false, true}) {
          added.lines.push_back({&each, config, tells_clock, {}, 0, ""});
        }
      }
    }
  }
  return cases;
}

// Problems of one operation share a config's kernel, which is compiled once.
void build_all(std::vector<Case>& cases) {
  using Kernel = std::tuple<const Variant*, std::string, bool>;
  std::map<Kernel, std::vector<Line*>> lines_of;
  for (Case& each : cases) {
    for (Line& line : each.lines) {
      lines_of[{line.variant, core::to_string(line.config), line.tells_clock}].push_back(&line);
    }
  }
  std::vector<const std::vector<Line*>*> work;
  for (const auto& [kernel, lines] : lines_of) work.push_back(&lines);
  mutants::on_all_threads(work.size(), [&](std::size_t at) {
    Line& first = *work[at]->front();
    const Variant& variant = *first.variant;
    std::string name = variant.name;
    std::vector<mutants::Edit> edits = variant.edits;
    if (first.tells_clock) {
      name += ", clocked";
      edits.insert(edits.end(), mutants::clock_probe().begin(), mutants::clock_probe().end());
    }
    first.build = mutants::build(name, variant.sources, edits, first.config);
    first.failure = first.build.compiled
                        ? core::why_unusable(first.build.log, first.build.cubin.build)
                        : "does not compile: " + first.build.log.substr(0, 400);
    for (Line* line : *work[at]) {
      line->build = first.build;
      line->failure = first.failure;
    }
  });
}

void race(Case& each, autotune::Executor& executor, int rounds) {
  const core::GemmProblem& problem = each.winner.problem;
  const auto bench = executor.prepare(problem, app::draw_of(each.winner));
  const std::atomic<bool> stop{false};
  autotune::Race race(*bench, stop);
  for (Line& line : each.lines) {
    if (!line.failure.empty()) continue;
    const auto admitted = bench->admit(core::Contender::kCandidate, &line.build.cubin);
    line.failure = admitted.failure;
    if (line.failure.empty()) line.index = race.enter(admitted.id);
  }
  race.run(rounds);
  const auto fallen = race.take_fallen();
  std::printf("%s\n", core::to_string(problem).c_str());
  for (const auto& one : fallen) {
    for (Line& line : each.lines) {
      if (line.failure.empty() && one.index == line.index) line.failure = one.detail;
    }
  }
  double whole_us = 0;
  for (std::size_t i = 0; i + 1 < each.lines.size(); i += 2) {
    const Line& line = each.lines[i];
    const Line& clocked = each.lines[i + 1];
    const std::string name =
        fmt::format("{:<34} {:<32}", core::short_name(line.config), line.variant->name);
    if (!line.failure.empty()) {
      std::printf("  %s %s\n", name.c_str(), line.failure.c_str());
      continue;
    }
    const double us = race.measurement(line.index).median_us;
    if (whole_us == 0) whole_us = us;
    std::string clock;
    if (clocked.failure.empty()) {
      clock = fmt::format("{:.2f} GHz", (race.measurement(clocked.index).median_us - us) / 10);
    }
    std::printf("  %s %9.2f us  %+6.1f %%  %s  %d registers\n", name.c_str(), us,
                100 * (us / whole_us - 1), clock.c_str(), line.build.cubin.build.registers);
  }
  std::fflush(stdout);
}

core::ExitCode run(const Options& options) {
  const std::vector<Variant> variants = variants_of(options);
  std::vector<Case> cases = cases_of(options, variants);
  if (cases.empty()) {
    throw core::UsageError("No winner of the database has such a name.",
                           "deepgemm-db list shows them.");
  }
  const autotune::GpuIdentity identity =
      autotune::identify_gpu(0, app::base_environment(core::nvrtc_version()));
  build_all(cases);
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe");
  autotune::WorkerOptions worker;
  worker.executable = self.parent_path().parent_path() / "bin" / "deepgemm-tune";
  worker.on_loss = [](const std::string& why) {
    std::fprintf(stderr, "ablate: %s\n", why.c_str());
  };
  const auto executor = autotune::make_worker_executor(identity, std::move(worker));
  for (Case& each : cases) race(each, *executor, options.rounds);
  return core::ExitCode::kDone;
}

}  // namespace
}  // namespace deepgemm::gpu_test

int main(int argc, char** argv) {
  using namespace deepgemm;
  app::Terminal terminal(stderr, app::look_at(stderr));
  return app::run_guarded(terminal, [&] {
    return gpu_test::run(gpu_test::parse({argv + 1, argv + argc}));
  });
}
