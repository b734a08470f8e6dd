#include "db/export.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>

#include "core/default_config.h"
#include "core/error.h"
#include "db/evidence.h"
#include "db/probed_family.h"
#include "db/row_choice.h"
#include "kernels/dense_source.h"

namespace deepgemm::db {
namespace {

using core::Contender;

bool share_all_but_m(core::GemmProblem a, const core::GemmProblem& b) {
  a.m = b.m;
  return a == b;
}

// One collection under way.
class Collector {
 public:
  Collector(const TuningDb& database, const core::Environment& here, const Compile& compile)
      : database_(database), here_(here), compile_(compile) {}

  // The best rows of one n and k, by rising m.
  void add_family(std::span<const WinnerRow* const> rows, const ExportOptions& options) {
    if (!options.keep_rows && merge(rows, options.max_cost)) return;
    for (const WinnerRow* row : rows) add_winner(*row);
  }

  void add_winner(const WinnerRow& row) {
    const core::Winner& winner = row.winner;
    if (!add_kernel(winner.kernel_key, winner.config)) {
      throw core::UsageError(database_.path().string() + " has a winner for " +
                                 core::to_string(winner.problem) +
                                 " but not its kernel, and this deepgemm compiles another one",
                             "Tune the shape again with deepgemm-tune --force, then export.");
    }
    result_.contents.winners.push_back(row);
    add_evidence(row);
  }

  // One that is not required is left out where there is no compiler for it.
  void add_fallback(core::Operation operation, const std::string& device_id, bool is_required) {
    const core::GemmConfig wanted = core::fallback_config(operation);
    core::BuildResult built;
    try {
      built = compile_(wanted);
    } catch (const core::EnvironmentError& error) {
      built.failure = error.what();
    }
    if (built.cubin) {
      take(*built.cubin);
      result_.contents.fallbacks.push_back(
          {operation, built.cubin->key, of_compiler(here_, device_id)});
    } else if (is_required) {
      add_stand_in(operation, wanted, built.failure);
    } else {
      result_.notes.push_back("there is no fallback for " + std::string(core::name(operation)) +
                              " products, because it cannot be compiled: " + built.failure);
    }
  }

  Export take_result() { return std::move(result_); }

 private:
  bool merge(std::span<const WinnerRow* const> rows, double max_cost) {
    const core::GemmProblem& largest = rows.back()->winner.problem;
    const std::vector<TrialRow> trials = database_.trials_of_any_m(largest);
    const auto has_kernel = [this](const std::string& key) {
      const auto cubin = database_.cubin(key);
      return cubin && cubin->entry == kernels::kDenseEntry;
    };
    std::string why_not;
    const auto merging = merge_rows(rows, trials, has_kernel, max_cost, why_not);
    if (!why_not.empty()) result_.notes.push_back(why_not);
    if (!merging) return false;
    for (const WinnerRow& row : merging->rows) add_winner(row);
    result_.contents.merged.push_back(largest);
    result_.merged.push_back(
        {largest, rows.size(), merging->rows.size(), merging->points, merging->p95});
    return true;
  }

  void take(const core::Cubin& cubin) {
    if (keys_.insert(cubin.key).second) result_.contents.cubins.push_back(cubin);
  }

  // Whether the kernel of that key is in the bundle now.
  bool add_kernel(const std::string& key, const core::GemmConfig& config) {
    if (keys_.contains(key)) return true;
    if (const auto stored = database_.cubin(key)) {
      take(*stored);
      return true;
    }
    try {
      const core::BuildResult built = compile_(config);
      if (!built.cubin || built.cubin->key != key) return false;
      take(*built.cubin);
      return true;
    } catch (const core::EnvironmentError&) {
      return false;
    }
  }

  void add_evidence(const WinnerRow& row) {
    const std::vector<TrialRow> trials = database_.all_trials(row.winner.problem);
    const Evidence evidence = evidence_of(row, trials);
    for (const TrialRow* each : {evidence.winner, evidence.runner_up, evidence.fallback,
                                 evidence.block, evidence.tensorwide}) {
      if (each != nullptr) add_trial(*each);
    }
  }

  void add_trial(const TrialRow& row) {
    const core::Trial& trial = row.trial;
    if (!trial.kernel_key.empty() && !add_kernel(trial.kernel_key, trial.config)) {
      result_.notes.push_back(
          "the " + std::string(trial.contender == Contender::kDefault ? "default" : "runner-up") +
          " of " + core::to_string(trial.problem) + " stays behind: its kernel is not stored");
      return;
    }
    result_.contents.trials.push_back(row);
  }

  // A kernel of this bundle, and what it was measured in.
  struct Measured {
    const core::GemmProblem* problem;
    const core::GemmConfig* config;
    const std::string* kernel_key;
    const core::Environment* environment;
  };

  // Winners come first. Not what is evidence of a failure, such as a default that faulted.
  std::vector<Measured> measured_kernels() const {
    std::vector<Measured> all;
    for (const WinnerRow& row : result_.contents.winners) {
      const core::Winner& of = row.winner;
      all.push_back({&of.problem, &of.config, &of.kernel_key, &row.environment});
    }
    for (const TrialRow& row : result_.contents.trials) {
      const core::Trial& of = row.trial;
      if (of.kernel_key.empty() || of.outcome != core::Outcome::kMeasured) continue;
      all.push_back({&of.problem, &of.config, &of.kernel_key, &row.environment});
    }
    return all;
  }

  // Without a compiler: the kernel of this bundle whose tile comes closest, and that any part of a
  // GPU can run.
  void add_stand_in(core::Operation operation, const core::GemmConfig& wanted,
                    const std::string& why) {
    const auto distance = [&wanted](const Measured& kernel) {
      return std::abs(kernel.config->block_m * kernel.config->block_n -
                      wanted.block_m * wanted.block_n);
    };
    std::vector<Measured> left = measured_kernels();
    std::erase_if(left, [operation](const Measured& kernel) {
      return kernel.problem->operation != operation || kernels::cluster_size(*kernel.config) > 1;
    });
    const auto best = std::ranges::min_element(left, {}, distance);
    if (best == left.end()) {
      throw core::EnvironmentError("the fallback of operation " +
                                       std::string(core::name(operation)) +
                                       " cannot be compiled: " + why,
                                   "Export on a machine that has NVRTC.");
    }
    result_.contents.fallbacks.push_back({operation, *best->kernel_key, *best->environment});
    result_.notes.push_back("the fallback of " + std::string(core::name(operation)) +
                            " products is a kernel of " + core::to_string(*best->problem) +
                            ", because the usual one cannot be compiled: " + why);
  }

  const TuningDb& database_;
  const core::Environment& here_;
  const Compile& compile_;
  std::set<std::string> keys_;
  Export result_;
};

}  // namespace

Export collect(const TuningDb& database, std::string_view device_id, const ExportOptions& options,
               const core::Environment& here, const Compile& compile) {
  Collector collector(database, here, compile);
  std::set<core::Operation> operations;
  const std::vector<WinnerRow> winners = database.winners();
  core::Environment there = here;
  there.device_id = device_id;
  std::vector<const WinnerRow*> rows = best_rows(winners, there);
  if (options.measured_only) {
    std::erase_if(rows, [](const WinnerRow* row) { return !row->winner.measured; });
  }
  for (auto first = rows.begin(); first != rows.end();) {
    const auto end = std::find_if(first, rows.end(), [&first](const WinnerRow* row) {
      return !share_all_but_m(row->winner.problem, (*first)->winner.problem);
    });
    operations.insert((*first)->winner.problem.operation);
    collector.add_family({first, end}, options);
    first = end;
  }
  const std::size_t passed_over = rows_passed_over(winners, there).size();
  if (operations.empty() && passed_over > 0) {
    throw core::UsageError(
        database.path().string() + " has only winners for " + std::string(device_id) +
            " whose kernels another version launches otherwise",
        "Tune their shapes again with deepgemm-tune, for which they are seeds, then export.");
  }
  if (operations.empty()) {
    throw core::UsageError(database.path().string() + " has no " +
                               (options.measured_only ? "measured " : "") + "winner for " +
                               std::string(device_id),
                           "See what there is with deepgemm-db list, then pass its --device.");
  }
  // A program may meet operations that nobody tuned.
  for (const core::Operation each : {core::Operation::kDense, core::Operation::kGroupedContiguous,
                                     core::Operation::kGroupedMasked}) {
    collector.add_fallback(each, std::string(device_id), operations.contains(each));
  }
  Export result = collector.take_result();
  if (passed_over > 0) {
    result.notes.push_back(
        std::to_string(passed_over) + (passed_over == 1 ? " row stays" : " rows stay") +
        " behind: another version launches " + (passed_over == 1 ? "its kernel" : "their kernels") +
        " otherwise; tune again what they are of");
  }
  result.contents.device_id = device_id;
  return result;
}

}  // namespace deepgemm::db
