#include "core/compile_log.h"

#include <charconv>

namespace deepgemm::core {
namespace {

// The number that stands right before `words`, 0 if the words do not occur.
int number_before(std::string_view log, std::string_view words) {
  const std::size_t at = log.find(words);
  if (at == std::string_view::npos) return 0;
  std::size_t first = at;
  while (first > 0 && log[first - 1] >= '0' && log[first - 1] <= '9') --first;
  int number = 0;
  std::from_chars(log.data() + first, log.data() + at, number);
  return number;
}

}  // namespace

BuildFigures read_figures(std::string_view log) {
  BuildFigures figures;
  figures.registers = number_before(log, " registers");
  figures.spill_bytes =
      number_before(log, " bytes spill stores") + number_before(log, " bytes spill loads");
  return figures;
}

std::string why_unusable(std::string_view log, const BuildFigures& figures) {
  if (log.find("wgmma.mma_async instructions are serialized") != std::string_view::npos) {
    return "ptxas serialised its wgmma instructions";
  }
  if (figures.spill_bytes > 0) {
    return "it spills " + std::to_string(figures.spill_bytes) + " bytes of registers per thread";
  }
  return "";
}

}  // namespace deepgemm::core
