#include "app/db_machine.h"

#include "app/db_move.h"
#include "core/error.h"

namespace deepgemm::app {

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
  if (machine.environment.device_id == device_id) return machine.environment;
  core::Environment there = base_environment(machine.environment.nvrtc);
  there.device_id = device_id;
  return there;
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
                               const db::TuningDb& database) {
  if (!wanted.empty()) return wanted;
  return machine.device ? machine.device->id : device_of(database, "");
}

}  // namespace deepgemm::app
