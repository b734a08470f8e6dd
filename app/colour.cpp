#include "app/colour.h"

namespace deepgemm::app {

std::string_view escape(Colour colour) {
  switch (colour) {
    case Colour::kRed:
      return "\x1b[1;31m";
    case Colour::kYellow:
      return "\x1b[33m";
    case Colour::kGreen:
      return "\x1b[32m";
    case Colour::kDim:
      return "\x1b[2m";
    case Colour::kNone:
      break;
  }
  return "";
}

}  // namespace deepgemm::app
