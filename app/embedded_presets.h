// The files of app/presets, embedded at build.
#pragma once

#include "app/embedded_help.h"

namespace deepgemm::app {

std::span<const EmbeddedFile> embedded_presets();

}  // namespace deepgemm::app
