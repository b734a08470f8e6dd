// The rows of one n and k, as the measured costs of each other's kernels cut them.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "db/tuning_db.h"

namespace deepgemm::db {

// Rows that serve as well as all that were tuned, to a measured cost.
struct Merging {
  std::vector<WinnerRow> rows;  // each serves what lies above the one before it
  std::size_t points = 0;       // m's at which the kernels were raced
  double p95 = 0;               // cost that 95 % of the m's stay below
};

// `rows` are the best ones of one n and k, by rising m; `trials` those of any m with this n and k,
// the oldest first. A kernel serves where it was measured and `has_kernel` grants it; one that a
// probe found wrong, or that ended its process, serves nowhere. nullopt where deepgemm-tune --probe
// was not run on these rows: then only tuned m's have trials; or where the probes do not tell how
// each winner does: `why_not` then says why, as a sentence without full stop.
std::optional<Merging> merge_rows(std::span<const WinnerRow* const> rows,
                                  std::span<const TrialRow> trials,
                                  const std::function<bool(const std::string&)>& has_kernel,
                                  double max_cost, std::string& why_not);

}  // namespace deepgemm::db
