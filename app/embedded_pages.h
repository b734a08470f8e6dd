// The files of app/html and the chart library, embedded at build.
#pragma once

#include "app/embedded_help.h"

namespace deepgemm::app {

std::span<const EmbeddedFile> embedded_pages();

}  // namespace deepgemm::app
