// When the warps that promote give way: hints in the machine code that ptxas does not know how to
// choose for these kernels.
#pragma once

#include <string_view>
#include <vector>

#include "core/config.h"

namespace deepgemm::core {

// Of this many FFMA of the promotion the last gives way to another warp.
inline constexpr int kFfmaPerTurn = 6;
// Stands for all of this in core::sources_hash: to be changed with whatever here changes a kernel.
inline constexpr std::string_view kYieldSchedule = "a turn is 6 FFMA, in wide tiles";

// Whether it pays: where two warpgroups or more share tiles of 128 columns or more, times fall by
// 1 % in the mean and 3 % at best; in narrower tiles they rise as often, by up to 1 %, and a
// warpgroup alone has nobody to give way to.
bool yields_pay(const GemmConfig& config);

// Rewrites the scheduling hints of an sm_90a cubin's runs of FFMA, and nothing that they compute:
// a warp keeps its turn for kFfmaPerTurn of them, and a scale that the next one reads, too, stays
// at the operand instead of being read from the register file again. The promotion of one warpgroup
// shares the registers' ports with the accumulators of the other one's wgmma; ptxas has a warp give
// way after every second FFMA, which gives up the operand that was held. Returns how many FFMA were
// in such runs; 0, and the image is as it was, where it does not pay, where there are none, and
// where it is no cubin of that kind.
//
// DeepGEMM was the first to find these hints worth setting in FP8 kernels with promotion. The place
// of the bits: Jia et al., "Dissecting the NVIDIA Volta GPU Architecture via Microbenchmarking"
// (2018), chapter 2; sm_90 keeps it.
int schedule_yields(std::vector<char>& cubin, const GemmConfig& config);

}  // namespace deepgemm::core
