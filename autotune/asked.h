// What a call asks of a problem, as a text that is stored with its answer.
#pragma once

#include <string>

#include "autotune/cost_model.h"
#include "autotune/search_space.h"
#include "autotune/tuner.h"

namespace deepgemm::autotune {

// Equal for calls that would try the same candidates: the effort, and a hash of the space, its
// rules and a prediction of `fallback`, in which a model of other constants shows. It takes no
// plan, so a call that asks for what the store answers ends at once. "quick 0123456789abcdef".
std::string asked_for(const core::GemmProblem& problem, Effort effort, const SearchSpace& space,
                      const CostModel& model, const core::GemmConfig& fallback);

}  // namespace deepgemm::autotune
