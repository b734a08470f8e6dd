// The result of deepgemm-bench compare as table, markdown, csv and json.
#pragma once

#include <string>
#include <vector>

#include "app/comparison.h"
#include "app/output.h"

namespace deepgemm::app {

struct CompareReport {
  std::vector<std::string> command;
  Comparison comparison;
};

std::string render(const CompareReport& report, Format format);

// "49 shapes: 2 SLOWER, 0 FASTER, 46 SAME, 1 AMBIGUOUS; …"
std::string headline(const Comparison& comparison);

}  // namespace deepgemm::app
