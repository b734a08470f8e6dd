#include "app/rematch_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "app/figures.h"
#include "app/json_report.h"
#include "app/shape_columns.h"
#include "app/table.h"
#include "app/text.h"
#include "autotune/sample_ratio.h"

namespace deepgemm::app {

namespace {

constexpr std::size_t kBefore = 0;
constexpr std::size_t kAfter = 1;
constexpr std::size_t kDefault = 2;
constexpr double kAlpha = 0.05;

struct Ratio {
  double value = 0;  // 0: not known
  autotune::Interval interval{0, 0};
};

// Of entry `i` over the old winner, from samples of the same rounds.
Ratio ratio_of(const RematchLine& line, std::size_t i) {
  if (line.entries.size() <= i) return {};
  const auto& base = line.entries[kBefore].measurement.samples_us;
  const auto& other = line.entries[i].measurement.samples_us;
  if (base.size() != other.size() || base.size() < autotune::kLeastSamplesForRatio) return {};
  const autotune::LogRatio ratio = autotune::ratio_by_rounds(base, other);
  return {ratio.ratio(), ratio.interval(kAlpha)};
}

double time_of(const RematchLine& line, std::size_t i) {
  return line.entries.size() > i ? line.entries[i].measurement.median_us : 0;
}

// "+1.2 %≈": slower, and inside the noise.
Cell change_cell(const Ratio& ratio) {
  if (!(ratio.value > 0)) return {"-", ""};
  const bool noise = ratio.interval.low <= 1 && ratio.interval.high >= 1;
  return {fmt::format("{:+.1f} %{}", 100 * (ratio.value - 1), noise ? "≈" : " "),
          fmt::format("{:.4f}", ratio.value)};
}

Table table_of(const RematchReport& report) {
  Table table({kOperationColumn,
               kGroupsColumn,
               kAlignmentColumn,
               {"m", "m"},
               {"n", "n"},
               {"k", "k"},
               {"old config", "old_config", Align::kLeft},
               {"new config", "new_config", Align::kLeft},
               {"old µs", "old_us"},
               {"new µs", "new_us"},
               {"new", "new_over_old"},
               {"default", "default_over_old"},
               {"why", "why", Align::kLeft}});
  for (const RematchLine& line : report.lines) {
    const Cell same{"same", core::to_string(line.after)};
    table.add_row(
        {operation_cell(line.problem), groups_cell(line.problem), alignment_cell(line.problem),
         cell(line.problem.m), cell(line.problem.n), cell(line.problem.k),
         Cell{core::short_name(line.before), core::to_string(line.before)},
         line.same_config() ? same
                            : Cell{core::short_name(line.after), core::to_string(line.after)},
         time_cell(time_of(line, kBefore)), time_cell(time_of(line, kAfter)),
         change_cell(ratio_of(line, kAfter)), change_cell(ratio_of(line, kDefault)),
         cell(line.why)});
  }
  return table;
}

// What the ratios of some lines come to.
struct Summary {
  std::vector<double> ratios;

  void add(double ratio) {
    if (ratio > 0) ratios.push_back(ratio);
  }
  double smallest() const { return ratios.empty() ? 1 : *std::ranges::min_element(ratios); }
  double largest() const { return ratios.empty() ? 1 : *std::ranges::max_element(ratios); }
  double mean() const { return geometric_mean(ratios); }
};

struct Summaries {
  Summary all;        // new over old
  Summary differing;  // the same, where the configs differ
  Summary twins;      // the same, where they do not: the noise
  Summary fallback;   // default over old
};

Summaries summarise(const RematchReport& report) {
  Summaries sums;
  for (const RematchLine& line : report.lines) {
    const double ratio = ratio_of(line, kAfter).value;
    sums.all.add(ratio);
    (line.same_config() ? sums.twins : sums.differing).add(ratio);
    sums.fallback.add(ratio_of(line, kDefault).value);
  }
  return sums;
}

std::string percent(double ratio) { return fmt::format("{:+.2f} %", 100 * (ratio - 1)); }

std::string described(std::string_view who, const Summary& sum) {
  if (sum.ratios.empty()) return "";
  return fmt::format("{}: geometric mean {}, from {} to {} over {}\n", who, percent(sum.mean()),
                     percent(sum.smallest()), percent(sum.largest()),
                     counted(static_cast<long long>(sum.ratios.size()), "row"));
}

std::string summary(const RematchReport& report) {
  const Summaries sums = summarise(report);
  const auto same = std::ranges::count_if(
      report.lines, [](const RematchLine& each) { return each.same_config(); });
  std::string text =
      fmt::format("{}: {} chose the same config in both; {} rounds, {:.1f} s on {}\n",
                  counted(std::ssize(report.lines), "shape"), same, report.rounds, report.seconds,
                  report.device.name);
  text += described("new over old", sums.all);
  text += described("  where the configs differ", sums.differing);
  text += described("  one config against itself", sums.twins);
  text += described("default over old", sums.fallback);
  return text + "+: slower than the old winner in the same rounds; ≈: inside the noise.\n";
}

Json summary_json(const Summary& sum) {
  if (sum.ratios.empty()) return nullptr;
  return {{"rows", sum.ratios.size()},
          {"geometric_mean", sum.mean()},
          {"smallest", sum.smallest()},
          {"largest", sum.largest()}};
}

Json entry_json(const RematchLine& line, std::size_t i) {
  if (line.entries.size() <= i) return nullptr;
  const autotune::BenchmarkEntry& entry = line.entries[i];
  const Ratio ratio = ratio_of(line, i);
  return {
      {"config", entry.config ? config_json(*entry.config) : Json(nullptr)},
      {"kernel_key", entry.kernel_key},
      {"failure", entry.failure},
      {"measurement",
       entry.measurement.samples_us.empty() ? Json(nullptr) : measurement_json(entry.measurement)},
      {"over_old", ratio.value > 0 ? Json(ratio.value) : Json(nullptr)},
      {"over_old_low", ratio.value > 0 ? Json(ratio.interval.low) : Json(nullptr)},
      {"over_old_high", ratio.value > 0 ? Json(ratio.interval.high) : Json(nullptr)}};
}

std::string json_of(const RematchReport& report) {
  const Summaries sums = summarise(report);
  Json json = report_head("deepgemm-db/1", report.command);
  json["before"] = report.before;
  json["after"] = report.after;
  json["device"] = device_json(report.device);
  json["environment"] = environment_json(report.environment);
  json["policy"] = report.policy;
  json["rounds"] = report.rounds;
  json["interrupted"] = report.interrupted;
  json["seconds"] = report.seconds;
  json["new_over_old"] = summary_json(sums.all);
  json["new_over_old_differing"] = summary_json(sums.differing);
  json["same_config_twice"] = summary_json(sums.twins);
  json["default_over_old"] = summary_json(sums.fallback);
  json["races"] = Json::array();
  for (const RematchLine& line : report.lines) {
    json["races"].push_back({{"shape", problem_json(line.problem)},
                             {"rows", rows_json(line.problem, line.draw)},
                             {"same_config", line.same_config()},
                             {"why", line.why},
                             {"old", entry_json(line, kBefore)},
                             {"new", entry_json(line, kAfter)},
                             {"default", entry_json(line, kDefault)}});
  }
  return dump(json);
}

}  // namespace

std::string render(const RematchReport& report, Format format) {
  if (format == Format::kJson) return json_of(report);
  if (format == Format::kCsv) return table_of(report).csv();
  const Paint paint = format == Format::kColourTable ? Paint::kColours : Paint::kPlain;
  return table_of(report).text(paint) + "\n" + summary(report);
}

}  // namespace deepgemm::app
