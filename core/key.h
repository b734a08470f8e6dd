// The one database key and the one rule that finds a row for an m. Tuner and runtime both call
// these, so no row can be written that a look-up cannot reach.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/problem.h"

namespace deepgemm::core {

// Everything that selects a family of rows except m:
// "dense|n=2112|k=7168|groups=1|align=1|1x128_128x128|bf16|h100-sxm5". align is the problem's
// alignment: 1 of what is not grouped-contiguous.
std::string family_key(const GemmProblem& problem, std::string_view device_id);

// The same for people: "2112x7168", "32 groups of 4096x7168, masked", "16 groups of 4096x7168,
// contiguous by 128".
std::string family_text(const GemmProblem& problem);

// Interval of m that a row answers for: m_lo <= m <= m_hi.
struct RowInterval {
  std::int64_t m_lo;
  std::int64_t m_hi;
};

// The intervals of tuned m's, ascending: each covers what lies above the next smaller one; the
// largest also covers everything above itself.
RowInterval row_interval(std::span<const std::int64_t> tuned, std::size_t index);

// Index into `tuned` (ascending, no duplicates) of the row that answers for m; nullopt when empty.
std::optional<std::size_t> find_row(std::span<const std::int64_t> tuned, std::int64_t m);

}  // namespace deepgemm::core
