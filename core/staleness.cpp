#include "core/staleness.h"

namespace deepgemm::core {
namespace {

bool differ(std::string_view a, std::string_view b) { return !a.empty() && !b.empty() && a != b; }

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

std::string quantity(int value, const ClockLimit& limit) {
  return std::to_string(value) + " " + std::string(limit.unit);
}

}  // namespace

std::string_view name(Staleness staleness) {
  switch (staleness) {
    case Staleness::kCurrent:
      return "current";
    case Staleness::kVerify:
      return "verify";
    case Staleness::kRetune:
      return "re-tune";
    case Staleness::kHint:
      return "hint";
  }
  return "";
}

StalenessGrade grade(const Environment& recorded, const Environment& here) {
  if (differ(recorded.device_id, here.device_id)) {
    return {Staleness::kHint, "tuned on " + recorded.device_id + ", not on " + here.device_id +
                                  ": a hint only, tune on this GPU"};
  }
  if (differ(recorded.sources_hash, here.sources_hash)) {
    return {Staleness::kRetune, "built from other kernel sources (" +
                                    recorded.sources_hash.substr(0, 12) + ", here " +
                                    here.sources_hash.substr(0, 12) + "): tune again"};
  }
  if (differ(recorded.nvrtc, here.nvrtc)) {
    return {Staleness::kRetune,
            "built by NVRTC " + recorded.nvrtc + ", here is " + here.nvrtc + ": tune again"};
  }
  if (differ(recorded.driver, here.driver)) {
    return {Staleness::kVerify, "measured with driver " + quoted(recorded.driver) + ", here is " +
                                    quoted(here.driver) + ": run deepgemm-db verify"};
  }
  for (const ClockLimit& limit : kClockLimits) {
    const int there = recorded.*limit.member;
    const int now = here.*limit.member;
    if (there == 0 || now == 0 || there == now) continue;
    return {Staleness::kVerify, "measured where the " + std::string(limit.words) + " is " +
                                    quantity(there, limit) + ", here it is " +
                                    quantity(now, limit) + ": run deepgemm-db verify"};
  }
  return {};
}

Environment as_library_sees(const Environment& here) {
  Environment seen = here;
  seen.nvrtc.clear();
  seen.application_clock_mhz = 0;
  seen.power_limit_w = 0;
  return seen;
}

}  // namespace deepgemm::core
