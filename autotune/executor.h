// The seam where the hardware begins. The pipeline talks to these two interfaces; gpu_executor
// implements them on a GPU, tests by a script.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "autotune/interrupt.h"
#include "core/group_rows.h"
#include "core/store.h"
#include "core/trial.h"

namespace deepgemm::autotune {

// Result of checking one contender.
struct Check {
  core::Outcome outcome = core::Outcome::kMeasured;  // kMeasured: correct, may be timed
  std::string detail;                                // why not, in one sentence
  core::Verification verification;
};

// A contender that ended a round: the GPU stopped it, it hung, or the process that ran it died.
struct Casualty {
  int id;
  core::Outcome outcome;
  std::string detail;  // in one sentence
};

// One sample of each contender of a round, taken one after the other.
struct Round {
  std::vector<double> times_us;      // empty where there is a casualty
  std::optional<Casualty> casualty;  // it is dismissed; the others are still there
  int sm_clock_mhz = 0;              // 0 where NVML is missing
  bool slowed = false;  // thermal or hardware slow-down was on: the round does not count
};

// One problem on the device: operands, reference result, contenders.
class Workbench {
 public:
  virtual ~Workbench() = default;

  // Who computed the reference, and why not cuBLASLt where it refused the shape.
  virtual std::string reference() const = 0;
  virtual std::string reference_note() const = 0;

  // Makes a contender ready to run under the returned number. `failure` says in one sentence why
  // it cannot (the driver refuses the cubin, cuBLASLt refuses the shape). `cubin` is null for the
  // cuBLASLt contenders. A dense kernel runs a grouped problem, too, one group after the other.
  struct Admission {
    int id = -1;
    std::string failure;
    core::Outcome outcome = core::Outcome::kLaunchFailed;  // where there is a failure
  };
  virtual Admission admit(core::Contender contender, const core::Cubin* cubin) = 0;
  virtual void dismiss(int id) = 0;

  // Poison, canaries, comparison with the reference and with float64, repeat run.
  virtual Check verify(int id) = 0;

  // One cold-L2 sample of each, in the order given.
  virtual Round round(std::span<const int> ids) = 0;

  // From now on everything that asks the device waits for it until `deadline` at most, and throws
  // OutOfTime where it has not answered. A kernel that runs alone then may go on for a while, until
  // `last_moment` at most: one that hangs shows itself, so that it is not the next call's first,
  // too. Where a hang cannot be ended, this does nothing.
  virtual void end_by(const Deadline& /*deadline*/, const Deadline& /*last_moment*/) {}
  void end_by(const Deadline& deadline) { end_by(deadline, deadline); }
};

// A device as far as it can be told without opening it.
struct GpuIdentity {
  core::DeviceInfo device;
  core::Environment environment;
  std::string policy;  // how its executor takes samples
};

// The policy of an executor with the rows that were measured: those of a problem may differ.
std::string policy_with(const std::string& policy, const core::GemmProblem& problem,
                        const core::GroupDraw& draw);

// A device that can run kernels.
class Executor {
 public:
  virtual ~Executor() = default;
  virtual const core::DeviceInfo& device() const = 0;
  virtual const core::Environment& environment() const = 0;
  // How samples are taken, for the record: "graph kernel nodes, 512 MB fill before each sample".
  virtual std::string policy() const = 0;
  // How many processes have the device open, this one counted; 0 where that is not known.
  virtual int processes() const { return 0; }
  // Whether kernels can still run after one failed; false where the GPU's context is lost.
  virtual bool healthy() const { return true; }
  // With the rows of `draw`. Throws UsageError for a problem that needs more memory than the device
  // has.
  virtual std::unique_ptr<Workbench> prepare(const core::GemmProblem& problem,
                                             const core::GroupDraw& draw) = 0;
  // The same for prepare(), and for the workbenches that it makes until they are told another time.
  virtual void end_by(const Deadline& /*deadline*/, const Deadline& /*last_moment*/) {}
  void end_by(const Deadline& deadline) { end_by(deadline, deadline); }
};

}  // namespace deepgemm::autotune
