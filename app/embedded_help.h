// Long help texts of app/help, embedded at build.
#pragma once

#include <span>
#include <string_view>

namespace deepgemm::app {

struct EmbeddedFile {
  std::string_view name;  // "app/help/tune.txt"
  std::string_view text;
};

std::span<const EmbeddedFile> embedded_help();

}  // namespace deepgemm::app
