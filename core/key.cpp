#include "core/key.h"

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

std::string family_text(const GemmProblem& problem) {
  const std::string shape = to_string(problem);
  const std::string m = std::to_string(problem.m) + "x";
  const std::size_t groups = shape.find(" of ");
  const std::size_t at = groups == std::string::npos ? 0 : groups + 4;
  return shape.substr(0, at) + shape.substr(at + m.size());
}

RowInterval row_interval(std::span<const std::int64_t> tuned, std::size_t index) {
  const std::int64_t lowest = index == 0 ? 1 : tuned[index - 1] + 1;
  const bool largest = index + 1 == tuned.size();
  return {lowest, largest ? std::numeric_limits<std::int64_t>::max() : tuned[index]};
}

std::optional<std::size_t> find_row(std::span<const std::int64_t> tuned, std::int64_t m) {
  if (tuned.empty()) return std::nullopt;
  // The first that is not below m, or the last. Without a branch on what is compared: serving asks
  // for any m, so that a processor would guess every other step wrong.
  std::size_t first = 0;
  for (std::size_t count = tuned.size(); count > 1;) {
    const std::size_t half = count / 2;
    first += half * static_cast<std::size_t>(tuned[first + half - 1] < m);
    count -= half;
  }
  return first;
}

}  // namespace deepgemm::core
