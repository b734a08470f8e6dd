#include "core/trial.h"

#include <array>
#include <utility>

#include "core/store.h"

namespace deepgemm::core {
namespace {

template <typename Enum, std::size_t kCount>
using Names = std::array<std::pair<Enum, std::string_view>, kCount>;

constexpr Names<Outcome, 9> kOutcomes{{{Outcome::kPredicted, "predicted"},
                                       {Outcome::kMeasured, "measured"},
                                       {Outcome::kCompileFailed, "compile-failed"},
                                       {Outcome::kLaunchFailed, "launch-failed"},
                                       {Outcome::kWrong, "wrong"},
                                       {Outcome::kFaulted, "faulted"},
                                       {Outcome::kHung, "hung"},
                                       {Outcome::kWorkerLost, "worker-lost"},
                                       {Outcome::kVerified, "verified"}}};

constexpr Names<Contender, 5> kContenders{{{Contender::kCandidate, "candidate"},
                                           {Contender::kDefault, "default"},
                                           {Contender::kCublasLtBlock, "cublaslt-block"},
                                           {Contender::kCublasLtTensorwide, "cublaslt-tensorwide"},
                                           {Contender::kMemoryFloor, "memory-floor"}}};

constexpr Names<Match, 7> kMatches{{{Match::kExact, "exact"},
                                    {Match::kBucket, "bucket"},
                                    {Match::kOtherDevice, "other-device"},
                                    {Match::kNone, "none"},
                                    {Match::kNearest, "nearest"},
                                    {Match::kFallback, "fallback"},
                                    {Match::kCompiled, "compiled"}}};

template <typename Table, typename Enum>
std::string_view find_name(const Table& table, Enum value) {
  for (const auto& [each, text] : table) {
    if (each == value) return text;
  }
  return "";
}

template <typename Enum, std::size_t kCount>
std::optional<Enum> find_value(const Names<Enum, kCount>& table, std::string_view text) {
  for (const auto& [each, name] : table) {
    if (name == text) return each;
  }
  return std::nullopt;
}

}  // namespace

std::string_view name(Outcome outcome) { return find_name(kOutcomes, outcome); }
std::optional<Outcome> outcome_named(std::string_view text) { return find_value(kOutcomes, text); }

std::string_view name(Contender contender) { return find_name(kContenders, contender); }
std::optional<Contender> contender_named(std::string_view text) {
  return find_value(kContenders, text);
}

std::string_view name(Match match) { return find_name(kMatches, match); }

bool agree(const Environment& a, const Environment& b) {
  Environment known = a;
  return unite(known, b);
}

bool are_twins(const Environment& a, const Environment& b) {
  if (a.device_uuid.empty() || b.device_uuid.empty() || a.device_uuid == b.device_uuid) {
    return false;
  }
  Environment moved = a;
  moved.device_uuid = b.device_uuid;
  return agree(moved, b);
}

bool unite(Environment& known, const Environment& other) {
  Environment mine = known;
  Environment theirs = other;
  for (const ClockLimit& limit : kClockLimits) {
    if (mine.*limit.member == 0) mine.*limit.member = other.*limit.member;
    if (theirs.*limit.member == 0) theirs.*limit.member = known.*limit.member;
  }
  if (mine != theirs) return false;
  known = mine;
  return true;
}

void describe(Environment& environment, const DeviceInfo& device) {
  environment.device_id = device.id;
  environment.device_name = device.name;
  environment.device_uuid = device.uuid;
  environment.sms = device.sms;
  environment.driver = driver_text(device);
  if (device.is_profile) return;
  environment.sm_clock_max_mhz = device.clock_mhz;
  environment.memory_clock_mhz = device.memory_clock_mhz;
}

}  // namespace deepgemm::core
