// What ptxas says about a kernel.
#pragma once

#include <string>
#include <string_view>

#include "core/trial.h"

namespace deepgemm::core {

// Reads registers and spills from the log of a compilation with ptxas's verbose output.
BuildFigures read_figures(std::string_view log);

// Why a kernel that compiled must not be used (wgmma serialised, registers spilled), as a
// sentence; empty if it may.
std::string why_unusable(std::string_view log, const BuildFigures& figures);

}  // namespace deepgemm::core
