#include "app/db_machine.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "app/text.h"
#include "core/error.h"
#include "db/row_choice.h"

namespace deepgemm::app {

namespace {

// Rows by kind of GPU.
std::map<std::string, long long> count_rows(const db::TuningDb& database) {
  std::map<std::string, long long> counts;
  for (const auto& row : database.winners()) ++counts[row.environment.device_id];
  return counts;
}

std::string most_frequent(const std::map<std::string, long long>& counts) {
  const auto most =
      std::ranges::max_element(counts, {}, [](const auto& each) { return each.second; });
  return most == counts.end() ? "" : most->first;
}

// A kind of GPU that there is, or that the file at least has rows of.
void require_known(const std::string& device, const Machine& machine,
                   const std::map<std::string, long long>& counts) {
  if (counts.contains(device) || core::find_device_profile(device) != nullptr ||
      (machine.device && machine.device->id == device)) {
    return;
  }
  std::string known;
  for (const auto& [name, count] : counts) known += fmt::format("{} (of this file), ", name);
  for (const core::DeviceInfo& each : core::device_profiles()) {
    if (!counts.contains(each.id)) known += each.id + ", ";
  }
  known.resize(known.size() - 2);
  throw core::UsageError(fmt::format("Nothing is known of a kind of GPU '{}'.", device),
                         fmt::format("Use one of: {}.", known));
}

}  // namespace

Machine look_at_machine(const Hardware& hardware) {
  Machine machine{std::nullopt, base_environment(nvrtc_version_here(hardware))};
  try {
    machine.device = hardware.read_device(0);
    core::describe(machine.environment, *machine.device);
    hardware.add_limits(machine.environment);
  } catch (const core::EnvironmentError&) {
    // No GPU: rows are judged by the rest.
  }
  return machine;
}

core::Environment environment_on(const Machine& machine, const std::string& device_id) {
  return db::on_kind(machine.environment, device_id);
}

core::DeviceInfo describe_device(const Machine& machine, const std::string& device_id) {
  if (machine.device && machine.device->id == device_id) return *machine.device;
  const core::DeviceInfo* profile = core::find_device_profile(device_id);
  core::DeviceInfo device = profile != nullptr ? *profile : core::device_profiles().front();
  device.id = device_id;
  return device;
}

std::string nvrtc_version_here(const Hardware& hardware) {
  try {
    return hardware.make_builder({}).nvrtc_version;
  } catch (const core::EnvironmentError&) {
    return "";
  }
}

std::string device_in_question(const std::string& wanted, const Machine& machine,
                               const db::TuningDb& database, spdlog::logger& log) {
  const auto counts = count_rows(database);
  if (!wanted.empty()) {
    require_known(wanted, machine, counts);
    return wanted;
  }
  if (machine.device) return machine.device->id;
  if (counts.empty()) {
    warn_of_skipped_rows(database, log);
    throw core::UsageError(
        fmt::format("'{}' holds no winner, and this machine has no GPU.", database.path().string()),
        "Tune a shape first, or name a kind of GPU with --device.");
  }
  const std::string most = most_frequent(counts);
  if (counts.size() == 1) return most;
  std::string others;
  for (const auto& [device, count] : counts) {
    if (device != most) others += (others.empty() ? "" : ", ") + device;
  }
  log.warn(
      "This machine has no GPU: {} is assumed, of which '{}' has the most rows ({}). --device "
      "chooses another: {}.",
      most, database.path().string(), counted(counts.at(most), "row"), others);
  return most;
}

std::string device_of_most_rows(const db::TuningDb& database) {
  return most_frequent(count_rows(database));
}

void warn_of_skipped_rows(const db::TuningDb& database, spdlog::logger& log) {
  const db::SkippedRows skipped = database.skipped();
  if (skipped.count == 0) return;
  log.warn(
      "{} {} skipped in '{}': only a newer deepgemm knows a name in {} (for example, {}). "
      "Nothing is lost from the file; update this deepgemm to read {}.",
      counted(static_cast<long long>(skipped.count), "row"), skipped.count == 1 ? "is" : "are",
      database.path().string(), skipped.count == 1 ? "it" : "them", skipped.example,
      skipped.count == 1 ? "it" : "them");
}

void warn_of_rows_passed_over(std::span<const db::WinnerRow> winners,
                              const core::Environment& there, spdlog::logger& log) {
  const std::size_t count = db::rows_passed_over(winners, there).size();
  if (count == 0) return;
  log.warn(
      "{} of {} {} not used: another version launches {} otherwise. Tune {} again: the old rows "
      "are seeds.",
      counted(static_cast<long long>(count), "row"), there.device_id, count == 1 ? "is" : "are",
      count == 1 ? "its kernel" : "their kernels", count == 1 ? "its shape" : "their shapes");
}

}  // namespace deepgemm::app
