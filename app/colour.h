// The colours that text on a terminal may have.
#pragma once

#include <string_view>

namespace deepgemm::app {

enum class Colour { kNone, kRed, kYellow, kGreen, kDim };

// The sequence that begins a colour, and the one that ends every colour.
std::string_view escape(Colour colour);
inline constexpr std::string_view kColourEnd = "\x1b[0m";

}  // namespace deepgemm::app
