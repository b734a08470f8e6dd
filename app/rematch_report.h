// Winners of two databases raced against each other, as table, csv and json.
#pragma once

#include <string>
#include <vector>

#include "app/db_measure.h"
#include "app/output.h"
#include "autotune/rematch.h"
#include "core/group_rows.h"

namespace deepgemm::app {

// One problem that both databases answer. Where both chose one config it ran twice: how far a
// ratio is from 1 by the noise alone.
struct RematchLine {
  core::GemmProblem problem;
  core::GroupDraw draw;  // the rows of the race
  core::GemmConfig before;
  core::GemmConfig after;
  // As long as `before`, `after` and the untuned default; empty where a kernel is missing.
  std::vector<autotune::BenchmarkEntry> entries;
  std::string why;  // it did not race; empty where it did

  bool same_config() const { return before == after; }
};

struct RematchReport : MeasuredRun {
  std::string before;
  std::string after;
  int rounds = 0;
  std::vector<RematchLine> lines;
};

std::string render(const RematchReport& report, Format format);

}  // namespace deepgemm::app
