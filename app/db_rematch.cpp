#include "app/db_rematch.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "app/db_machine.h"
#include "app/db_measure.h"
#include "app/interrupt.h"
#include "app/rematch_report.h"
#include "app/text.h"
#include "app/time_left.h"
#include "db/evidence.h"
#include "db/row_choice.h"

namespace deepgemm::app {

namespace {

constexpr Format kFormats[] = {Format::kTable, Format::kCsv, Format::kJson};
// Enough for the interval of a ratio to be narrower than the tie band of a search.
constexpr int kRounds = 60;

// The same problem in both.
struct Pair {
  db::WinnerRow before;
  db::WinnerRow after;
};

std::vector<Pair> pairs_of(const db::TuningDb& before, const db::TuningDb& after,
                           const core::Environment& here, spdlog::logger& log) {
  const auto old_rows = before.winners();
  const auto new_rows = after.winners();
  for (const auto* database : {&before, &after}) warn_of_skipped_rows(*database, log);
  std::map<decltype(core::order(core::GemmProblem{})), const db::WinnerRow*> known;
  for (const auto* row : db::best_rows(old_rows, here)) {
    known[core::order(row->winner.problem)] = row;
  }
  std::vector<Pair> pairs;
  for (const auto* row : db::best_rows(new_rows, here)) {
    const auto found = known.find(core::order(row->winner.problem));
    if (found != known.end()) pairs.push_back({*found->second, *row});
  }
  return pairs;
}

// The kernel of the untuned default, where either database holds it.
std::optional<core::Cubin> default_of(const Pair& pair, const db::TuningDb& before,
                                      const db::TuningDb& after) {
  for (const auto& [row, database] :
       {std::pair(&pair.before, &before), std::pair(&pair.after, &after)}) {
    const auto trials = database->all_trials(row->winner.problem);
    const db::TrialRow* const fallback = db::evidence_of(*row, trials).fallback;
    if (fallback == nullptr || fallback->trial.config != row->winner.default_config) continue;
    if (auto cubin = database->cubin(fallback->trial.kernel_key)) return cubin;
  }
  return std::nullopt;
}

std::string rows_text(const core::Winner& winner) {
  return winner.rows.empty() ? core::describe(winner.problem, {}) : winner.rows;
}

RematchLine race(const Pair& pair, const db::TuningDb& before, const db::TuningDb& after,
                 autotune::Executor& executor, int rounds, const std::atomic<bool>& stop) {
  RematchLine line;
  line.problem = pair.before.winner.problem;
  line.before = pair.before.winner.config;
  line.after = pair.after.winner.config;
  const auto old_kernel = before.cubin(pair.before.winner.kernel_key);
  const auto new_kernel = after.cubin(pair.after.winner.kernel_key);
  if (!old_kernel || !new_kernel) {
    line.why =
        fmt::format("the {} winner's kernel is not in its database", old_kernel ? "new" : "old");
    return line;
  }
  std::vector<autotune::Returning> kernels{{core::Contender::kCandidate, &*old_kernel},
                                           {core::Contender::kCandidate, &*new_kernel}};
  if (pair.before.winner.rows != pair.after.winner.rows) {
    line.why = fmt::format("the winners are of other rows: {}, {}", rows_text(pair.before.winner),
                           rows_text(pair.after.winner));
    return line;
  }
  const auto draw = core::draw_of(line.problem, pair.after.winner.rows);
  if (!draw) {
    line.why = fmt::format("only a newer deepgemm draws such groups: {}", pair.after.winner.rows);
    return line;
  }
  line.draw = *draw;
  const auto fallback = default_of(pair, before, after);
  if (fallback) kernels.push_back({core::Contender::kDefault, &*fallback});
  line.entries = autotune::rematch(executor, line.problem, line.draw, kernels, rounds, stop);
  for (std::size_t i = 0; i < 2 && line.why.empty(); ++i) {
    if (!line.entries[i].failure.empty()) {
      line.why = fmt::format("the {} winner: {}", i == 0 ? "old" : "new", line.entries[i].failure);
    }
  }
  return line;
}

core::ExitCode conclude(const RematchReport& report, Terminal& terminal, spdlog::logger& log) {
  if (report.interrupted) {
    log.warn("Interrupted after {}.", counted(std::ssize(report.lines), "shape"));
    terminal.print(Colour::kGreen, "next: ", "To race all, run: " + shell_line(report.command));
    return core::ExitCode::kInterrupted;
  }
  const auto failed = std::ranges::count_if(
      report.lines, [](const RematchLine& line) { return !line.why.empty(); });
  if (failed == 0) return core::ExitCode::kDone;
  throw core::Error(core::ExitCode::kWorkFailed,
                    fmt::format("{} did not race.", counted(failed, "shape")),
                    "The column 'why' says what is wrong; 'deepgemm-db verify' looks at one "
                    "database alone.");
}

}  // namespace

core::ExitCode race_databases(const DbArguments& arguments, const Hardware& hardware,
                              Terminal& terminal, spdlog::logger& log) {
  const Format format = parse_format(arguments.common.format, kFormats);
  const auto files = plan_outputs(arguments.common.output_files, kFormats);
  const InterruptGuard interrupt;
  const db::TuningDb before(arguments.files.at(0), db::OpenMode::kInspect);
  const db::TuningDb after(arguments.files.at(1), db::OpenMode::kInspect);
  const auto executor = open_gpu_to_check(hardware, arguments.gpu, log, interrupt.stop());
  RematchReport report;
  report.command = arguments.common.command;
  report.before = arguments.files[0];
  report.after = arguments.files[1];
  describe(report, *executor);
  report.rounds = kRounds;
  const auto pairs = pairs_of(before, after, report.environment, log);
  if (pairs.empty()) {
    throw core::Error(core::ExitCode::kWorkFailed,
                      fmt::format("No shape has a row of {} in both databases.", report.device.id),
                      "'deepgemm-db list --db FILE' shows what each holds.");
  }
  const TimeLeft left(pairs.size());
  const auto race_pair = [&](std::size_t i) {
    terminal.progress(fmt::format("[{}/{}] race {}{}", i + 1, pairs.size(),
                                  to_string(pairs[i].before.winner.problem), left.text(i)));
    return race(pairs[i], before, after, *executor, report.rounds, interrupt.stop());
  };
  measure_and_deliver(report, pairs.size(), race_pair, format, files);
  return conclude(report, terminal, log);
}

}  // namespace deepgemm::app
