#include "autotune/executor.h"

namespace deepgemm::autotune {

std::string policy_with(const std::string& policy, const core::GemmProblem& problem,
                        const core::GroupDraw& draw) {
  const std::string rows = core::describe(problem, draw);
  return rows.empty() ? policy : policy + "; " + rows;
}

}  // namespace deepgemm::autotune
