#include "app/presets.h"

#include <fmt/format.h>

#include "core/error.h"

namespace deepgemm::app {

namespace {

// Weight matrices of one DeepSeek-V3 layer outside its experts, with m from one token of decode to
// a large prefill.
constexpr std::string_view kDeepseekV3[] = {
    "1,64,128,256,512,1024,4096x2112x7168",  "1,64,128,256,512,1024,4096x576x7168",
    "1,64,128,256,512,1024,4096x24576x1536", "1,64,128,256,512,1024,4096x32768x512",
    "1,64,128,256,512,1024,4096x7168x16384", "1,64,128,256,512,1024,4096x4096x7168",
    "1,64,128,256,512,1024,4096x7168x2048",
};

constexpr Preset kPresets[] = {
    {"deepseek-v3", "49 dense shapes of DeepSeek-V3, m from 1 to 4096", kDeepseekV3},
};

}  // namespace

std::span<const Preset> presets() { return kPresets; }

std::string describe_presets() {
  std::string text;
  for (const Preset& preset : kPresets) {
    text += fmt::format("{}: {}\n", preset.name, preset.meaning);
    for (const auto shape : preset.shapes) text += fmt::format("  {}\n", shape);
  }
  return text;
}

const Preset& find_preset(std::string_view name) {
  for (const Preset& preset : kPresets) {
    if (preset.name == name) return preset;
  }
  std::string names;
  for (const Preset& preset : kPresets) {
    names += fmt::format("{}{}", names.empty() ? "" : ", ", preset.name);
  }
  throw core::UsageError(fmt::format("Unknown preset '{}'; this version has: {}.", name, names),
                         "Run with --preset list to see what each stands for.");
}

}  // namespace deepgemm::app
