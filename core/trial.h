// The one row of the whole system: a config tried on a problem, and what came of it.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config.h"
#include "core/device.h"
#include "core/problem.h"

namespace deepgemm::core {

// How far a candidate came.
enum class Outcome {
  kPredicted,      // compiled for a device profile; ranked by the model, never run
  kMeasured,       // verified and timed
  kCompileFailed,  // NVRTC or ptxas refused it, serialised its wgmma, or it spills
  kLaunchFailed,   // the driver refused to load or launch it
  kWrong,          // numbers out of tolerance, poison left, canary touched, or not repeatable
  kFaulted,        // the GPU stopped it (illegal address, misaligned access, trap): context lost
  kHung,           // not done within its time limit
  kWorkerLost,     // the process that ran it ended, or answered nonsense
  kVerified,       // correct, and not timed yet
};
// Outcomes that end the process that runs the kernel: its config is not tried again in the same
// environment, for no problem.
inline constexpr std::array<Outcome, 3> kQuarantining{Outcome::kFaulted, Outcome::kHung,
                                                      Outcome::kWorkerLost};
std::string_view name(Outcome outcome);  // "measured", "compile-failed", …
std::optional<Outcome> outcome_named(std::string_view text);

// What the compiler said about a kernel.
struct BuildFigures {
  int registers = 0;           // per thread at entry
  int spill_bytes = 0;         // stores and loads, per thread
  int shared_bytes = 0;        // of one block
  double compile_seconds = 0;  // 0 when the cubin came from the cache
};

// Error figures of one candidate. Relative errors are Frobenius norms: ||d - ref|| / ||ref||.
struct Verification {
  std::string reference;             // "cublaslt-block" or "fp32-kernel"
  double relative_error = 0;         // all of D against the reference
  double max_error = 0;              // largest |d - ref| over the largest |ref|
  double relative_error_f64 = 0;     // sampled rows against float64
  double reference_error_f64 = 0;    // the reference's own error on the same rows
  long long unwritten = 0;           // elements that still hold the poison
  long long canaries_touched = 0;    // bytes around D that changed
  bool repeatable = false;           // a second run gave the same bits
  unsigned long long bits_hash = 0;  // of all of D: equal over all configs of one split_k
};

// Device time of the kernel alone, L2 cold.
struct Measurement {
  std::vector<double> samples_us;  // in the order taken
  double median_us = 0;
  double spread_us = 0;  // half the interquartile range
  double ci_low_us = 0;  // 95 % confidence interval of the median
  double ci_high_us = 0;
  int sm_clock_mhz = 0;      // NVML, median over the rounds; 0 where NVML is missing
  int rejected_samples = 0;  // taken under thermal or hardware slow-down
};

// Who competed. Libraries race in the same rounds as the candidates.
// The memory floor computes nothing: it moves the problem's bytes (kernels/stream_floor.cu).
enum class Contender {
  kCandidate,
  kDefault,
  kCublasLtBlock,
  kCublasLtTensorwide,
  kMemoryFloor,
};
std::string_view name(Contender contender);  // "candidate", "default", "cublaslt-block", …
std::optional<Contender> contender_named(std::string_view text);

// Where and with what a trial was made. Environments that agree make comparable times.
struct Environment {
  std::string device_id;
  std::string device_name;
  std::string device_uuid;
  int sms = 0;
  std::string driver;           // "580.82 (CUDA 13.0)"; empty on a profile
  std::string nvrtc;            // "13.0"
  std::string library_version;  // ours
  std::string cublaslt;         // "13.0.2"; empty on a profile
  std::string sources_hash;     // of the kernel sources
  // What bounds the clocks. 0: not known, and not compared (a profile; a row from before these
  // fields; the last two where NVML is missing, and always in the runtime library). All of them
  // stay as they are until somebody sets them: never a momentary clock, which is evidence of a
  // measurement. Clocks that nvidia-smi -lgc locks are told by nobody; they show in that evidence.
  int sm_clock_max_mhz = 0;       // of the board, as the driver says it
  int memory_clock_mhz = 0;       // likewise
  int application_clock_mhz = 0;  // nvidia-smi -ac; 0 too where the driver no longer has it
  int power_limit_w = 0;          // that is enforced: nvidia-smi -pl, or the host's lower one

  friend bool operator==(const Environment&, const Environment&) = default;
};

// The fields of an Environment that bound its clocks.
struct ClockLimit {
  std::string_view name;
  int Environment::*member;
  std::string_view words;
  std::string_view unit;
};
inline constexpr std::array<ClockLimit, 4> kClockLimits{{
    {"sm_clock_max_mhz", &Environment::sm_clock_max_mhz, "highest SM clock", "MHz"},
    {"memory_clock_mhz", &Environment::memory_clock_mhz, "memory clock", "MHz"},
    {"application_clock_mhz", &Environment::application_clock_mhz, "application clock", "MHz"},
    {"power_limit_w", &Environment::power_limit_w, "power limit", "W"},
}};

// Whether they are equal but for clock limits that one of them does not know.
bool agree(const Environment& a, const Environment& b);

// Whether they are of two GPUs and agree in everything else: one of several equal ones.
bool are_twins(const Environment& a, const Environment& b);

// Whether they agree; `known` then also knows what only `other` knew, so that a third one is held
// against both: two that agree with one that knows little may differ from each other.
bool unite(Environment& known, const Environment& other);

// Fills what the device itself tells; nothing of its clocks for a profile, which nothing runs on.
void describe(Environment& environment, const DeviceInfo& device);

// Config is meaningless for contenders that are not ours.
struct Trial {
  GemmProblem problem;
  Contender contender = Contender::kCandidate;
  GemmConfig config;
  std::string kernel_key;  // content address of the cubin; empty for cuBLASLt
  Outcome outcome = Outcome::kPredicted;
  std::string detail;  // one sentence where something failed
  double predicted_us = 0;
  BuildFigures build;
  Verification verification;
  Measurement measurement;
  std::string policy;  // how it was measured: "cold-l2 512MB, graph, rounds, …"
};

// Begins the policy of trials that raced the kernels of other m's, without a search. Only times of
// one race make a fair cost.
inline constexpr std::string_view kProbePolicy = "probe: ";
inline bool is_probe(const Trial& trial) { return trial.policy.starts_with(kProbePolicy); }

// How far a GPU's rates are from those that the cost model assumes for its kind, fitted to trials
// that were measured on it.
struct Calibration {
  double memory = 1;  // bandwidth over DeviceInfo::memory_gbps
  double math = 1;    // clocks over DeviceInfo::clock_mhz
  int problems = 0;   // whose trials it was fitted to; 0: not known, or not fitted

  friend bool operator==(const Calibration&, const Calibration&) = default;
};

// The choice for a problem and what it is based on. Written after the trials it refers to.
struct Winner {
  GemmProblem problem;
  GemmConfig config;
  std::string kernel_key;
  bool measured = false;  // false: ranked by the model on a profile
  double median_us = 0;   // predicted time where not measured
  double spread_us = 0;
  GemmConfig default_config;
  double default_us = 0;
  double cublaslt_block_us = 0;  // 0: refused or not measured
  double cublaslt_tensorwide_us = 0;
  std::string reason;     // "fastest by 4.1 %", "default kept: no candidate gains enough"
  int trials = 0;         // candidates tried
  Calibration ranked_at;  // rates of the model that chose who was tried
  // The evidence of the race that decided; 0 where nothing was measured.
  int samples = 0;
  double ci_low_us = 0;  // 95 % confidence interval of the median
  double ci_high_us = 0;
  int sm_clock_mhz = 0;
  GemmConfig runner_up_config;
  double runner_up_us = 0;  // 0: there was none
  // The default's time over the winner's, with its 95 % interval: inside the noise where that
  // holds 1. The same for cuBLASLt with block scales. 0: not known.
  double margin_low = 0;
  double margin_high = 0;
  double cublaslt_margin_low = 0;
  double cublaslt_margin_high = 0;
  std::string rows;  // of the groups it was measured with, see core::unusual_rows
  // What the call that chose it asked for, as the tuner words it: one that asks for the same has
  // nothing to do. Empty: not known.
  std::string asked;
};

// Ends the reason of a winner that no whole final chose: an answer, but not the last word.
inline constexpr std::string_view kCutShort = "; the budget cut its final short";
inline bool is_decided(const Winner& winner) { return !winner.reason.ends_with(kCutShort); }

// Begins the reason of a row that no search chose: deepgemm-db export made it of probes, to serve
// a range of m. It answers where nothing was tuned in an environment like its own.
inline constexpr std::string_view kServes = "serves m = ";
inline bool is_searched(const Winner& winner) { return !winner.reason.starts_with(kServes); }

}  // namespace deepgemm::core
