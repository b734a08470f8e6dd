// The fault suite on a GPU: every mutant runs in the tuner's worker process and is rejected as it
// declares; the worker is replaced as often as it dies, and the right kernel passes at the end.
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "app/hardware.h"
#include "autotune/verdict.h"
#include "autotune/worker_executor.h"
#include "core/compile_log.h"
#include "core/default_config.h"
#include "tests/gpu/gpu_fixture.h"
#include "tests/mutants/mutants.h"

namespace deepgemm::gpu_test {
namespace {

using autotune::Check;
using autotune::Workbench;
using core::Outcome;
using mutants::Build;
using mutants::Mutant;

unsigned ending_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::kCompileFailed:
      return mutants::kRefusedByCompiler | mutants::kSpills;
    case Outcome::kLaunchFailed:
      return mutants::kRefusedByDriver;
    case Outcome::kFaulted:
      return mutants::kFaults;
    case Outcome::kHung:
      return mutants::kHangs;
    case Outcome::kWrong:
      return mutants::kWrong;
    case Outcome::kMeasured:
      return mutants::kSame;
    default:
      return 0;  // nothing that a mutant may declare
  }
}

// In order.
std::vector<Build> build_all(const std::vector<Mutant>& list) {
  std::vector<Build> built(list.size());
  mutants::on_all_threads(list.size(), [&](std::size_t at) {
    built[at] = mutants::build(list[at].rule, list[at].config);
  });
  return built;
}

// The kernels that the mutants are made of, in the order of mutants::configs(); built once.
const std::vector<Build>& right_builds() {
  static const std::vector<Build> built = [] {
    std::vector<Build> list(mutants::configs().size());
    mutants::on_all_threads(list.size(), [&](std::size_t at) {
      list[at] = mutants::build(nullptr, mutants::configs()[at]);
    });
    return list;
  }();
  return built;
}

class MutantsTest : public testing::Test {
 protected:
  // This process takes no context: the worker, which is deepgemm-tune, needs CUPTI for itself.
  void SetUp() override {
    try {
      identity_ =
          autotune::identify_gpu(0, app::base_environment(core::JitBuilder("").nvrtc_version()));
    } catch (const core::EnvironmentError& error) {
      GTEST_SKIP() << "needs a Hopper GPU: " << error.what();
    }
    const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe");
    autotune::WorkerOptions options;
    options.executable = self.parent_path().parent_path() / "bin" / "deepgemm-tune";
    options.limits.verify = 1;  // the product takes a twentieth of a millisecond
    options.on_loss = [this](const std::string&) { ++lost_; };
    executor_ = autotune::make_worker_executor(identity_, std::move(options));
  }

  // A bench for mutants of a config. The worker has room for one.
  Workbench& bench_for(const core::GemmConfig& config) {
    if (bench_ && prepared_for_ == config.operation) return *bench_;
    bench_.reset();
    const mutants::Task task = mutants::task_of(config);
    bench_ = executor_->prepare(task.problem, task.draw);
    prepared_for_ = config.operation;
    return *bench_;
  }

  core::Trial trial_of(const Build& build) {
    core::Trial trial;
    trial.config = build.cubin.config;
    trial.outcome = Outcome::kCompileFailed;
    trial.detail = core::why_unusable(build.log, build.cubin.build);
    if (!build.compiled || !trial.detail.empty()) return trial;
    return trial_on(bench_for(trial.config), build, trial);
  }

  static core::Trial trial_on(Workbench& bench, const Build& build, core::Trial trial) {
    const Workbench::Admission admission = bench.admit(core::Contender::kCandidate, &build.cubin);
    trial.outcome = admission.outcome;
    trial.detail = admission.failure;
    if (!admission.failure.empty()) return trial;
    const Check check = bench.verify(admission.id);
    trial.outcome = check.outcome;
    trial.detail = check.detail;
    trial.verification = check.verification;
    bench.dismiss(admission.id);
    return trial;
  }

  // A right kernel that sums in the order of this config: where it does not split k, the dense one,
  // which runs grouped problems group by group.
  const core::Trial& right_trial(const core::GemmConfig& config) {
    const std::pair order(config.operation, config.split_k);
    const auto known = right_.find(order);
    if (known != right_.end()) return known->second;
    const auto own = std::ranges::find(mutants::configs(), config) - mutants::configs().begin();
    const Build& runs = right_builds().at(config.split_k == 1 ? 0 : static_cast<std::size_t>(own));
    core::Trial trial;
    trial.config = runs.cubin.config;
    trial = trial_on(bench_for(config), runs, trial);
    EXPECT_EQ(trial.outcome, Outcome::kMeasured) << trial.detail;
    return right_[order] = trial;
  }

  // As the tuner judges: after its own check, by bits.
  core::Trial judge(const Build& build) {
    core::Trial trial = trial_of(build);
    if (trial.outcome != Outcome::kMeasured) return trial;
    core::Trial right = right_trial(trial.config);
    right.contender = core::Contender::kDefault;  // of two that disagree, its bits count
    std::vector<core::Trial*> verified{&right, &trial};
    autotune::reject_dissenters(verified);
    return trial;
  }

  // Every mutant whose endings are among `endings`.
  void expect_rejected(unsigned endings, unsigned but_not = 0) {
    std::vector<Mutant> list;
    for (const Mutant& each : mutants::all_mutants()) {
      const unsigned declared = each.rule->endings;
      if ((declared & endings) != 0 && (declared & but_not) == 0) list.push_back(each);
    }
    ASSERT_FALSE(list.empty());
    std::ranges::stable_sort(list, {}, [](const Mutant& each) { return each.config.operation; });
    const std::vector<Build> built = build_all(list);
    for (std::size_t i = 0; i < list.size(); ++i) {
      const core::Trial trial = judge(built[i]);
      EXPECT_NE(ending_of(trial.outcome) & list[i].rule->endings, 0u)
          << list[i].name() << " must be " << mutants::names(list[i].rule->endings) << ", but is "
          << core::name(trial.outcome) << ": " << trial.detail;
    }
    RecordProperty("mutants", static_cast<int>(list.size()));
    std::printf("%zu mutants, %d workers lost\n", list.size(), lost_);
    expect_right_kernels_pass();
  }

  void expect_right_kernels_pass() {
    for (const Build& each : right_builds()) {
      const core::Trial trial = judge(each);
      EXPECT_EQ(trial.outcome, Outcome::kMeasured)
          << core::short_name(each.cubin.config) << ": " << trial.detail;
    }
  }

  autotune::GpuIdentity identity_;
  std::unique_ptr<autotune::Executor> executor_;
  std::unique_ptr<Workbench> bench_;
  int prepared_for_ = 0;                              // GemmConfig::operation
  std::map<std::pair<int, int>, core::Trial> right_;  // by operation and split_k
  int lost_ = 0;
};

TEST_F(MutantsTest, TheCompilerOrTheDriverRefuses) {
  expect_rejected(mutants::kRefusedByCompiler | mutants::kSpills | mutants::kRefusedByDriver);
  EXPECT_EQ(lost_, 0);
}

TEST_F(MutantsTest, Faults) {
  expect_rejected(mutants::kFaults, mutants::kWrong);
  EXPECT_GT(lost_, 0);
}

TEST_F(MutantsTest, Hangs) {
  expect_rejected(mutants::kHangs, mutants::kWrong);
  EXPECT_GT(lost_, 0);
}

TEST_F(MutantsTest, WrongNumbersAndRaces) { expect_rejected(mutants::kWrong); }

TEST_F(MutantsTest, WhatChangesNothingIsAccepted) { expect_rejected(mutants::kSame); }

}  // namespace
}  // namespace deepgemm::gpu_test
