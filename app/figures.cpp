#include "app/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace deepgemm::app {

namespace {

bool known(double value) { return std::isfinite(value) && value > 0; }

// Three or more significant digits at every size, so that columns stay narrow.
std::string short_time(double time_us) {
  return fmt::format("{:.{}f}", time_us, time_us < 100 ? 2 : 1);
}

std::string raw_number(double value) { return known(value) ? fmt::format("{:.4f}", value) : ""; }

}  // namespace

bool is_ours(core::Contender contender) {
  return contender == core::Contender::kCandidate || contender == core::Contender::kDefault;
}

double tflops(const core::GemmProblem& problem, double time_us, const core::GroupDraw& draw) {
  return known(time_us) ? core::flops(problem, draw) / time_us * 1e-6 : 0;
}

double gigabytes_per_second(const core::GemmProblem& problem, double time_us,
                            const core::GroupDraw& draw) {
  if (!known(time_us)) return 0;
  const std::int64_t bytes = core::bytes_read(problem, draw) + core::bytes_written(problem, draw);
  return static_cast<double>(bytes) / time_us * 1e-3;
}

double share_of_roofline(const core::GemmProblem& problem, const core::DeviceInfo& device,
                         double time_us, const core::GroupDraw& draw) {
  if (!known(time_us) || !known(device.memory_gbps) || !known(device.tensor_tflops)) return 0;
  return std::max(gigabytes_per_second(problem, time_us, draw) / device.memory_gbps,
                  tflops(problem, time_us, draw) / device.tensor_tflops);
}

double geometric_mean(std::span<const double> values) {
  if (values.empty()) return 0;
  double sum = 0;
  for (const double value : values) sum += std::log(value);
  return std::exp(sum / static_cast<double>(values.size()));
}

Cell time_cell(double time_us) {
  return {known(time_us) ? short_time(time_us) : "-", raw_number(time_us)};
}

Cell time_cell(double time_us, double spread_us) {
  if (!known(time_us)) return time_cell(time_us);
  return {fmt::format("{} ± {:.2f}", short_time(time_us), spread_us), raw_number(time_us)};
}

Cell predicted_cell(double time_us) {
  return {known(time_us) ? "~" + short_time(time_us) : "-", raw_number(time_us)};
}

Cell rate_cell(double value) {
  if (!known(value)) return {"-", ""};
  return {fmt::format("{:.{}f}", value, value < 10 ? 1 : 0), raw_number(value)};
}

Cell ratio_cell(double ratio) {
  return {known(ratio) ? fmt::format("{:.2f}x", ratio) : "-", raw_number(ratio)};
}

Cell ratio_cell(double ratio, double low, double high) {
  Cell cell = ratio_cell(ratio);
  if (known(ratio) && low > 0 && low <= 1 && high >= 1) cell.shown += "≈";
  return cell;
}

Cell percent_cell(double share) {
  return {known(share) ? fmt::format("{:.0f} %", 100 * share) : "-", raw_number(share)};
}

}  // namespace deepgemm::app
