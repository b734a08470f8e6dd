// Device sources, embedded at build: NVRTC needs no include path.
#pragma once

#include <span>
#include <string_view>

namespace deepgemm::kernels {

struct EmbeddedFile {
  std::string_view name;  // "kernels/dense.cuh", as #include spells it
  std::string_view text;
};

// All device sources and config.h, sorted by name.
std::span<const EmbeddedFile> embedded_sources();

}  // namespace deepgemm::kernels
