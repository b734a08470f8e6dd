#include "app/db_verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "app/db_machine.h"
#include "app/db_measure.h"
#include "app/db_move.h"
#include "app/interrupt.h"
#include "app/text.h"
#include "app/time_left.h"
#include "app/verify_report.h"
#include "db/evidence.h"
#include "db/row_choice.h"

namespace deepgemm::app {

namespace {

constexpr Format kFormats[] = {Format::kTable, Format::kCsv, Format::kJson};
constexpr const char* kLookAtGpu = "Check the GPU with nvidia-smi and dmesg, then verify again.";

// Rows of this GPU's kind; where there are none, those of the kind that has most.
std::string device_to_verify(const db::TuningDb& database, const std::string& wanted,
                             const core::DeviceInfo& here, spdlog::logger& log) {
  if (!wanted.empty()) return device_of(database, wanted);
  for (const auto& row : database.winners()) {
    if (row.environment.device_id == here.id) return here.id;
  }
  const std::string most = device_of_most_rows(database);
  if (most.empty()) return device_of(database, "");  // which says so
  log.warn("No row is of {}: those of {} are measured here.", here.id, most);
  return most;
}

// The kernels of a row that are there; the winner's first, each once.
std::vector<core::Cubin> kernels_of(const db::TuningDb& database, const db::WinnerRow& row,
                                    std::vector<core::Contender>& contenders) {
  const auto trials = database.all_trials(row.winner.problem);
  const db::Evidence evidence = db::evidence_of(row, trials);
  std::vector<core::Cubin> kernels;
  const auto add = [&](const std::string& key, core::Contender contender) {
    for (const core::Cubin& have : kernels) {
      if (have.key == key) return;
    }
    if (auto cubin = database.cubin(key)) {
      kernels.push_back(*std::move(cubin));
      contenders.push_back(contender);
    }
  };
  add(row.winner.kernel_key, core::Contender::kCandidate);
  if (kernels.empty()) return {};
  for (const auto* each : {evidence.runner_up, evidence.fallback}) {
    if (each != nullptr) add(each->trial.kernel_key, each->trial.contender);
  }
  return kernels;
}

autotune::Recheck verify_row(const db::TuningDb& database, const db::WinnerRow& row,
                             autotune::Executor& executor, const std::atomic<bool>& stop) {
  std::vector<core::Contender> contenders;
  const auto kernels = kernels_of(database, row, contenders);
  if (kernels.empty()) {
    autotune::Recheck missing;
    missing.problem = row.winner.problem;
    missing.verdict = autotune::RowVerdict::kWrong;
    missing.why = "its kernel is not in the database";
    return missing;
  }
  std::vector<autotune::Returning> returning;
  for (std::size_t i = 0; i < kernels.size(); ++i)
    returning.push_back({contenders[i], &kernels[i]});
  return autotune::recheck(executor, row.winner.problem, draw_of(row.winner), returning, {}, stop);
}

// The rows of one call, one after the other, until the GPU is gone for good.
class Verifier {
 public:
  Verifier(const db::TuningDb& database, autotune::Executor& executor,
           const std::atomic<bool>& stop)
      : database_(database), executor_(executor), stop_(stop) {}

  // A row that answers for nobody, for want of a kernel that can be launched.
  static autotune::Recheck pass_over(const db::WinnerRow& row) {
    return not_checked(row, "another version launches its kernel otherwise; tune it again");
  }

  // Throws EnvironmentError where no row could be checked yet: then the machine lacks something.
  autotune::Recheck verify(const db::WinnerRow& row) {
    if (!gone_.empty()) return not_checked(row, gone_);
    try {
      autotune::Recheck result = verify_row(database_, row, executor_, stop_);
      // A row without its kernel says nothing about the GPU.
      any_checked_ = any_checked_ || !result.entries.empty();
      return result;
    } catch (const core::EnvironmentError& error) {
      if (!any_checked_) throw with_next_step_here(error);
      gone_ = error.what();
      return not_checked(row, gone_);
    } catch (const core::UsageError& error) {
      // Of this row alone: it needs more memory, say, or groups that only a newer deepgemm draws.
      return not_checked(row, error.what());
    }
  }

  bool lost_gpu() const { return !gone_.empty(); }

 private:
  static autotune::Recheck not_checked(const db::WinnerRow& row, const std::string& why) {
    autotune::Recheck result;
    result.problem = row.winner.problem;
    result.verdict = autotune::RowVerdict::kNotChecked;
    result.why = why;
    return result;
  }

  // The tuner can do without a worker process, this command cannot.
  static core::EnvironmentError with_next_step_here(const core::EnvironmentError& error) {
    const std::string& next = error.next_step();
    const bool helps = !next.empty() && next.find("--no-isolation") == std::string::npos;
    return {error.what(), helps ? next : kLookAtGpu};
  }

  const db::TuningDb& database_;
  autotune::Executor& executor_;
  const std::atomic<bool>& stop_;
  bool any_checked_ = false;
  std::string gone_;  // why no more row can be checked
};

void show_progress(Terminal& terminal, std::size_t index, std::size_t count,
                   const core::GemmProblem& problem, const TimeLeft& left) {
  constexpr int kBarWidth = 24;
  const std::string bar =
      terminal.traits().live
          ? progress_bar(static_cast<int>(index), static_cast<int>(count), kBarWidth) + " "
          : std::string();
  terminal.progress(fmt::format("[{}/{}] {}{} verify{}", index + 1, count, bar, to_string(problem),
                                left.text(index)));
}

core::ExitCode conclude(const VerifyReport& report, bool lost_gpu, Terminal& terminal,
                        spdlog::logger& log) {
  if (report.interrupted) {
    log.warn("Interrupted after {}.", counted(static_cast<long long>(report.lines.size()), "row"));
    terminal.print(Colour::kGreen, "next: ", "To verify all, run: " + shell_line(report.command));
    return core::ExitCode::kInterrupted;
  }
  const int unknown = count(report, autotune::RowVerdict::kNotChecked);
  const auto all = static_cast<int>(report.lines.size());
  const int bad = all - count(report, autotune::RowVerdict::kHolds) - unknown;
  if (unknown > 0) {
    const std::string rest =
        bad == 0 ? "" : fmt::format(", and {} {} not hold", bad, bad == 1 ? "does" : "do");
    throw core::Error(
        core::ExitCode::kWorkFailed,
        fmt::format("{} of {} could not be checked{}.", unknown, counted(all, "row"), rest),
        lost_gpu ? "Check the GPU with nvidia-smi and dmesg (the column 'why' says more), then "
                   "verify again."
                 : "The column 'why' says what each of them needs.");
  }
  if (bad == 0) return core::ExitCode::kDone;
  throw core::Error(
      core::ExitCode::kWorkFailed,
      fmt::format("{} of {} {} not hold.", bad, counted(all, "row"), bad == 1 ? "does" : "do"),
      "Tune their shapes here with deepgemm-tune --force, then export again.");
}

}  // namespace

core::ExitCode verify_rows(const DbArguments& arguments, const Hardware& hardware,
                           Terminal& terminal, spdlog::logger& log) {
  const Format format = parse_format(arguments.common.format, kFormats);
  const auto files = plan_outputs(arguments.common.output_files, kFormats);
  const InterruptGuard interrupt;
  const db::TuningDb database(database_path(arguments.common), db::OpenMode::kInspect);
  const auto executor = open_gpu_to_check(hardware, arguments.gpu, log, interrupt.stop());
  VerifyReport report;
  report.command = arguments.common.command;
  report.database = database.path().string();
  describe(report, *executor);
  const auto winners = database.winners();
  core::Environment here = report.environment;
  here.nvrtc = nvrtc_version_here(hardware);
  core::Environment there = here;
  warn_of_skipped_rows(database, log);
  there.device_id = device_to_verify(database, arguments.device, report.device, log);
  auto rows = db::best_rows(winners, there);
  const std::size_t launchable = rows.size();
  std::ranges::copy(db::rows_passed_over(winners, there), std::back_inserter(rows));
  const TimeLeft left(launchable);
  Verifier verifier(database, *executor, interrupt.stop());
  const auto verify = [&](std::size_t i) {
    const core::StalenessGrade grade = core::grade(rows[i]->environment, here);
    if (i >= launchable) return VerifyLine{*rows[i], Verifier::pass_over(*rows[i]), grade};
    show_progress(terminal, i, launchable, rows[i]->winner.problem, left);
    return VerifyLine{*rows[i], verifier.verify(*rows[i]), grade};
  };
  measure_and_deliver(report, rows.size(), verify, format, files);
  return conclude(report, verifier.lost_gpu(), terminal, log);
}

}  // namespace deepgemm::app
