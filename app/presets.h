// Named sets of shapes.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace deepgemm::app {

struct Preset {
  std::string_view name;
  std::string_view meaning;
  std::span<const std::string_view> shapes;  // as on the command line
};

std::span<const Preset> presets();

// What --preset list prints.
std::string describe_presets();

// Throws UsageError, naming the presets that exist.
const Preset& find_preset(std::string_view name);

}  // namespace deepgemm::app
