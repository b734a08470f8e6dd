// What changed between two databases.
#pragma once

#include <string>
#include <vector>

#include "app/output.h"
#include "db/tuning_db.h"

namespace deepgemm::app {

enum class Change { kAdded, kRemoved, kConfig, kTime };

// One problem on one kind of GPU whose answer changed.
struct DiffLine {
  Change change;
  std::string device_id;
  core::GemmProblem problem;
  const db::WinnerRow* before = nullptr;  // null where it was added
  const db::WinnerRow* after = nullptr;   // null where it was removed
};

// The answers that differ on a machine like `here`, by device and problem. Times count as changed
// where they differ by more than the sum of both spreads. Lines point into the arguments.
std::vector<DiffLine> differences(const std::vector<db::WinnerRow>& before,
                                  const std::vector<db::WinnerRow>& after,
                                  const core::Environment& here);

// How many problems the rows answer, on each device.
std::size_t count_answers(const std::vector<db::WinnerRow>& rows);

struct DiffReport {
  std::vector<std::string> command;
  std::string before;
  std::string after;
  std::vector<DiffLine> lines;
  std::size_t unchanged = 0;
};
std::string render(const DiffReport& report, Format format);

}  // namespace deepgemm::app
