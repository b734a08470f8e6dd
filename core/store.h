// Where kernels are found and trials are kept. db implements both; the tuner and the runtime see
// only these.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/trial.h"

namespace deepgemm::core {

// How good a stored row is for a problem.
enum class Match {
  kExact,        // this m was tuned
  kBucket,       // m lies in the interval of a tuned m
  kOtherDevice,  // as the above, but tuned on another kind of GPU
  kNone,
  // What a program may ask for where there is no row.
  kNearest,   // the row of the nearest n, k and m
  kFallback,  // the kernel of a bundle that runs any shape
  kCompiled,  // the untuned default, compiled on the spot
};
std::string_view name(Match match);  // "exact", "bucket", "other-device", "none", "nearest", …

// Answer to "what runs this problem?".
struct Lookup {
  Match match = Match::kNone;
  std::string reason;  // one sentence, e.g. "m = 100 lies in (64, 128], tuned at m = 128"
  std::optional<Winner> winner;
};

// A compiled kernel as it is stored and loaded.
struct Cubin {
  std::string key;
  std::string entry;  // name of the kernel
  GemmConfig config;
  std::vector<char> image;
  BuildFigures build;
};

class KernelStore {
 public:
  virtual ~KernelStore() = default;
  // For a machine like `here`, whose device_id names the kind of GPU.
  virtual Lookup find(const GemmProblem& problem, const Environment& here) const = 0;
  // nullopt if the store holds no kernel of that key.
  virtual std::optional<Cubin> cubin(std::string_view key) const = 0;
};

class TrialStore {
 public:
  virtual ~TrialStore() = default;
  // Trials of this problem made in an environment that agrees, newest per contender, config and
  // policy (which says which rows of a grouped problem were measured), the oldest first.
  // What they answer need not be run again. Where stored environments that agree with this one do
  // not agree with each other, the one that was stored last counts; likewise below.
  virtual std::vector<Trial> trials(const GemmProblem& problem,
                                    const Environment& environment) const = 0;
  // The newest of those that were measured with `rows` (see core::unusual_rows).
  virtual std::optional<Winner> winner(const GemmProblem& problem, const Environment& environment,
                                       std::string_view rows) const = 0;
  // All measured ones on other GPUs, in environments that agree but for which of several equal GPUs
  // it is; the newest first.
  virtual std::vector<Winner> winners_of_twins(const GemmProblem& problem,
                                               const Environment& environment,
                                               std::string_view rows) const = 0;
  // Newest winners of all problems that differ from this one in m only, of an environment that
  // agrees, for each draw of rows; m ascending, the usual draw first. Only measured ones seed.
  virtual std::vector<Winner> winners_of_family(const GemmProblem& problem,
                                                const Environment& environment) const = 0;
  // The same of measured winners alone, its own too, of the same kind of GPU, but of environments
  // that do not agree: another card, driver, NVRTC, other kernel sources. What won there is worth a
  // try here, and answers nothing. What was only predicted there seeds nothing.
  virtual std::vector<Winner> winners_elsewhere(const GemmProblem& problem,
                                                const Environment& environment) const = 0;
  // Configs that ended the process that ran them (faulted, hung, lost) for any problem, where they
  // have not run to an end for that problem since. A check alone (verified) is no such end.
  virtual std::vector<GemmConfig> quarantined(const Environment& environment) const = 0;
  // Of an environment that agrees, the newest of those that were fitted to most problems; nullopt
  // where nothing was fitted yet.
  virtual std::optional<Calibration> calibration(const Environment& environment) const = 0;
  // Each call is one durable transaction.
  virtual void record(const Trial& trial, const Environment& environment) = 0;
  virtual void record(std::span<const Trial> trials, const Environment& environment) = 0;
  virtual void record(const Cubin& cubin) = 0;
  virtual void record(const Winner& winner, const Environment& environment) = 0;
  virtual void record(const Calibration& calibration, const Environment& environment) = 0;
};

}  // namespace deepgemm::core
