// What the tests of shapes share.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/problem.h"

namespace deepgemm::app {

using Strings = std::vector<std::string>;
using Values = std::vector<std::int64_t>;

// What an error says: its sentence and its next step.
inline std::string complaint(const std::function<void()>& body) {
  try {
    body();
  } catch (const core::UsageError& error) {
    EXPECT_FALSE(error.next_step().empty());
    return error.what();
  }
  return "no error";
}

inline std::vector<std::string> names(const std::vector<core::GemmProblem>& problems) {
  std::vector<std::string> names;
  for (const auto& problem : problems) names.push_back(core::to_string(problem));
  return names;
}

}  // namespace deepgemm::app
