// Who won, and why: pure functions of trials.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "core/group_rows.h"
#include "core/trial.h"

namespace deepgemm::autotune {

// Trials are named by index. `winner` is nullopt where no trial can serve; `reason` then says so.
struct Verdict {
  std::optional<std::size_t> winner;
  std::optional<std::size_t> runner_up;  // the fastest of ours beside the winner
  std::string reason;
};

// Whether sample i of every measured trial of ours was taken in the same round.
enum class Sampling { kApart, kOneRace };

// Among measured trials of ours: the fastest, if it gains kGainShare on the default and more than
// the noise, else the default. Of those within kTieShare of the fastest, core::ordered_before
// decides, so that two tunes agree. Trials of one race are compared round by round, others by their
// medians.
Verdict decide_measured(std::span<const core::Trial> trials, Sampling sampling = Sampling::kApart);

// Why a time must be confirmed before it may win: half the predicted one or less, or a quarter less
// than that of everyone else of `field`. Empty where it looks right.
std::string why_suspicious(const core::Trial& trial, std::span<const core::Trial* const> field);

// Why a time cannot be true: less than the device needs to move the operands or to multiply them,
// with room for a device whose rates are not known well. `draw`: the rows it was measured with.
// Empty where it may be.
std::string why_impossible(const core::Trial& trial, const core::DeviceInfo& device,
                           const core::GroupDraw& draw = {});

// Among trials that compiled for a profile: the least predicted time, ties likewise.
Verdict decide_predicted(std::span<const core::Trial> trials);

// Correct configs that cut k into equally many slices sum in one order, so their results agree to
// the bit. Marks as kWrong, with a sentence, every verified trial of ours whose bits differ from
// those of the majority of these; where two kinds are equally many, those of the default count, and
// without one, none: nothing tells which are right. Where it is known which bits are right where k
// is not split (dense_bits.h), these count and not the majority's.
void reject_dissenters(std::span<core::Trial*> verified,
                       std::optional<unsigned long long> right = std::nullopt);

}  // namespace deepgemm::autotune
