#include "core/key.h"

#include <algorithm>
#include <limits>

namespace deepgemm::core {

std::string family_key(const GemmProblem& problem, std::string_view device_id) {
  std::string key(name(problem.operation));
  key += "|n=" + std::to_string(problem.n) + "|k=" + std::to_string(problem.k);
  key +=
      "|groups=" + std::to_string(problem.groups) + "|align=" + std::to_string(problem.alignment);
  key += '|';
  key += name(problem.recipe);
  key += '|';
  key += name(problem.output);
  key += '|';
  key += device_id;
  return key;
}

RowInterval row_interval(std::span<const std::int64_t> tuned, std::size_t index) {
  const std::int64_t lowest = index == 0 ? 1 : tuned[index - 1] + 1;
  const bool largest = index + 1 == tuned.size();
  return {lowest, largest ? std::numeric_limits<std::int64_t>::max() : tuned[index]};
}

std::optional<std::size_t> find_row(std::span<const std::int64_t> tuned, std::int64_t m) {
  if (tuned.empty()) return std::nullopt;
  const auto at = std::lower_bound(tuned.begin(), tuned.end(), m);
  if (at == tuned.end()) return tuned.size() - 1;
  return static_cast<std::size_t>(at - tuned.begin());
}

}  // namespace deepgemm::core
