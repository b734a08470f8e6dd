#include "app/diff_report.h"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "app/figures.h"
#include "app/json_report.h"
#include "app/shape_columns.h"
#include "app/table.h"
#include "app/text.h"
#include "db/row_choice.h"

namespace deepgemm::app {

namespace {

using Key = std::pair<std::string, decltype(core::order(core::GemmProblem{}))>;

std::map<Key, const db::WinnerRow*> answers(const std::vector<db::WinnerRow>& rows,
                                            core::Environment here) {
  std::set<std::string> devices;
  for (const auto& row : rows) devices.insert(row.environment.device_id);
  std::map<Key, const db::WinnerRow*> found;
  for (const auto& device : devices) {
    here.device_id = device;
    for (const auto* row : db::best_rows(rows, here)) {
      found[{device, core::order(row->winner.problem)}] = row;
    }
  }
  return found;
}

std::string_view name(Change change) {
  switch (change) {
    case Change::kAdded:
      return "added";
    case Change::kRemoved:
      return "removed";
    case Change::kConfig:
      return "config";
    case Change::kTime:
      return "time";
  }
  return "";
}

// 0 where there is nothing to compare: a time that was measured and one that was predicted are of
// two kinds.
double ratio(const DiffLine& line) {
  if (line.before == nullptr || line.after == nullptr) return 0;
  const core::Winner& before = line.before->winner;
  const core::Winner& after = line.after->winner;
  if (before.measured != after.measured || !(before.median_us > 0)) return 0;
  return after.median_us / before.median_us;
}

Cell time_of(const db::WinnerRow* row) {
  if (row == nullptr) return {"-", ""};
  const core::Winner& winner = row->winner;
  return winner.measured ? time_cell(winner.median_us) : predicted_cell(winner.median_us);
}

Cell measured_cell(const db::WinnerRow* row) {
  if (row == nullptr) return {"-", ""};
  return cell(row->winner.measured ? "yes" : "no");
}

Cell config_of(const db::WinnerRow* row) {
  return row == nullptr
             ? Cell{"-", ""}
             : Cell{core::short_name(row->winner.config), core::to_string(row->winner.config)};
}

// "+4.1 %": positive is slower.
Cell change_cell(const DiffLine& line) {
  const double value = ratio(line);
  if (!(value > 0)) return {"-", ""};
  return {fmt::format("{:+.1f} %", 100 * (value - 1)), fmt::format("{:.4f}", value)};
}

}  // namespace

std::vector<DiffLine> differences(const std::vector<db::WinnerRow>& before,
                                  const std::vector<db::WinnerRow>& after,
                                  const core::Environment& here) {
  const auto old_rows = answers(before, here);
  const auto new_rows = answers(after, here);
  std::set<Key> keys;
  for (const auto& [key, row] : old_rows) keys.insert(key);
  for (const auto& [key, row] : new_rows) keys.insert(key);
  std::vector<DiffLine> lines;
  for (const Key& key : keys) {
    const auto was = old_rows.find(key);
    const auto is = new_rows.find(key);
    if (was == old_rows.end()) {
      lines.push_back({Change::kAdded, key.first, is->second->winner.problem, nullptr, is->second});
      continue;
    }
    const core::Winner& old_winner = was->second->winner;
    if (is == new_rows.end()) {
      lines.push_back({Change::kRemoved, key.first, old_winner.problem, was->second, nullptr});
      continue;
    }
    const core::Winner& new_winner = is->second->winner;
    const double noise = old_winner.spread_us + new_winner.spread_us;
    // A prediction and a measurement differ in kind: how far apart they are says nothing.
    const bool moved = old_winner.measured != new_winner.measured ||
                       std::abs(new_winner.median_us - old_winner.median_us) > noise;
    const bool other_config = new_winner.config != old_winner.config;
    if (!other_config && !moved) continue;
    lines.push_back({other_config ? Change::kConfig : Change::kTime, key.first, old_winner.problem,
                     was->second, is->second});
  }
  return lines;
}

std::size_t count_answers(const std::vector<db::WinnerRow>& rows) {
  return answers(rows, {}).size();
}

std::string render(const DiffReport& report, Format format) {
  if (format == Format::kJson) {
    Json json = report_head("deepgemm-db/1", report.command);
    json["before"] = report.before;
    json["after"] = report.after;
    json["unchanged"] = report.unchanged;
    json["differences"] = Json::array();
    for (const auto& line : report.lines) {
      const auto side = [](const db::WinnerRow* row) {
        return row == nullptr ? Json(nullptr) : winner_json(row->winner);
      };
      json["differences"].push_back({{"change", name(line.change)},
                                     {"device_id", line.device_id},
                                     {"shape", problem_json(line.problem)},
                                     {"before", side(line.before)},
                                     {"after", side(line.after)},
                                     {"time_ratio", time_json(ratio(line))}});
    }
    return dump(json);
  }
  Table table({{"change", "change", Align::kLeft},
               {"device", "device_id", Align::kLeft},
               {"m", "m"},
               {"n", "n"},
               {"k", "k"},
               kOperationColumn,
               kGroupsColumn,
               kAlignmentColumn,
               {"old config", "old_config", Align::kLeft},
               {"new config", "new_config", Align::kLeft},
               {"old µs", "old_us"},
               {"new µs", "new_us"},
               {"time", "time_ratio"},
               {"", "old_measured"},
               {"", "new_measured"}});
  for (const auto& line : report.lines) {
    table.add_row({cell(std::string(name(line.change))), cell(line.device_id), cell(line.problem.m),
                   cell(line.problem.n), cell(line.problem.k), operation_cell(line.problem),
                   groups_cell(line.problem), alignment_cell(line.problem), config_of(line.before),
                   config_of(line.after), time_of(line.before), time_of(line.after),
                   change_cell(line), measured_cell(line.before), measured_cell(line.after)});
  }
  if (format == Format::kCsv) return table.csv();
  const std::string summary =
      fmt::format("{} changed, {} unchanged (time: new over old; + is slower)\n",
                  counted(static_cast<long long>(report.lines.size()), "shape"), report.unchanged);
  return (report.lines.empty() ? "" : table.text() + "\n") + summary;
}

}  // namespace deepgemm::app
